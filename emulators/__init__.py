"""The local platform: stand-ins that speak the real protocols over loopback."""
