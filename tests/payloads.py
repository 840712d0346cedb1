"""One small payload in every layout that a parser or an importer reads, shaped like the real ones, numbers made up."""

# ruff: noqa: E501  # lines as the sources print them
from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from quantsentinel.market.codec import encode_snapshot
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.parsers.nse_rows import COLUMNS
from quantsentinel.market.parsers.table import ARROW, CSV, PARQUET
from quantsentinel.market.raw import Payload, RawSnapshot
from tests.chains import chain

AT = datetime(2025, 8, 29, 5, 30, 1, tzinfo=UTC)
JSON = "application/json"
STRIKES = (24_450, 24_500, 24_550)
STAMP = "20250829_110001"


def nse_rows() -> pl.DataFrame:
    rows = []
    for expiry in ("02-Sep-2025", "09-Sep-2025"):
        for strike in STRIKES:
            row: dict[str, Any] = dict.fromkeys(COLUMNS, 10.5)
            row |= {"Fetch_Time": "29-Aug-2025 10:59:20", "Symbol": "NIFTY", "Expiry_Date": expiry}
            rows.append(row | {"Strike_Price": strike, "collection_timestamp": STAMP, "CALLS_OI": 4 + 1 / 3})
    return pl.DataFrame(rows)


def ltp_rows() -> pl.DataFrame:
    row = {"Stock": "NIFTY", "Expiry": "2025-09-02", "CE_LTP": 101.5, "CE_OI": 750.0, "PE_LTP": 80.0, "PE_OI": 300.0}
    rows = [row | {"Strike": float(strike), "Stock_LTP": 0.0, "timestamp": "2025-08-29 11:00"} for strike in STRIKES]
    return pl.DataFrame(rows)


def greeks() -> pl.DataFrame:
    row = {"timestamp": "202508291100", "symbol": "NIFTY50", "expiry": "02-Sep-2025", "spot": 24_480.5, "ltp": 101.5}
    row |= {"oi": 10.0, "oi_chg": -2.0, "volume": 40.0, "iv": 12.5, "delta": 0.5, "gamma": 1e-3, "theta": -9.0}
    rows = [row | {"strike": float(strike), "option_type": right} for strike in STRIKES for right in ("CE", "PE")]
    return pl.DataFrame([{**row, "vega": 11.5} for row in rows])


def leg(**changes: Any) -> dict[str, Any]:
    values = {"underlying": "NIFTY", "bidprice": 101.5, "bidQty": 150, "askPrice": 102, "askQty": 75}
    values |= {"lastPrice": 101.7, "openInterest": 10, "changeinOpenInterest": -1, "totalTradedVolume": 4}
    return values | {"impliedVolatility": 12.5, "underlyingValue": 24_480.5} | changes


def nse_json() -> dict[str, Any]:
    data = [{"expiryDate": "02-Sep-2025", "strikePrice": k, "CE": leg(), "PE": leg()} for k in STRIKES]
    return {"records": {"timestamp": "29-Aug-2025 10:59:20", "underlyingValue": 24_480.5, "data": data}}


def upstox() -> dict[str, Any]:
    market = {"ltp": 101.7, "volume": 1500, "oi": 7500, "prev_oi": 7650, "bid_price": 101.5, "bid_qty": 150}
    market |= {"ask_price": 102.0, "ask_qty": 75, "close_price": 90}
    side = {"market_data": market, "option_greeks": {"iv": 12.5, "delta": 0.5, "gamma": 0.001, "theta": -9, "vega": 11}}
    row = {"expiry": "2025-09-02", "underlying_key": "NSE_INDEX|Nifty 50", "underlying_spot_price": 24_480.5}
    rows = [row | {"strike_price": k, "call_options": side, "put_options": side} for k in STRIKES]
    return {"status": "success", "data": rows}


def legs_csv() -> bytes:
    rows = [{"strikePrice": k, "expiryDate": "02-Sep-2025", "PE": str(leg()), "CE": str(leg())} for k in STRIKES]
    return pl.DataFrame(rows).write_csv().encode()


def flat_csv() -> bytes:
    row = {"expiryDate": "02-Sep-2025", "CE_OI": 2.0, "PE_OI": 1.0, "CE_TotVol": 3, "PE_TotVol": 1, "CE_LTP": 101.5}
    return pl.DataFrame([{"strikePrice": k, **row, "PE_LTP": 90} for k in STRIKES]).write_csv().encode()


def arrow(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    return buffer.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


def raws() -> dict[str, RawSnapshot]:
    """A raw snapshot for every parser."""
    made = {
        "nse_rows": ("nse_site", ARROW, arrow(nse_rows())),
        "ltp_rows": ("nse_units_ltp", ARROW, arrow(ltp_rows())),
        "nse_greeks": ("nse_site_ltp", ARROW, arrow(greeks())),
        "nse_json": ("nse_site", JSON, dumped(nse_json())),
        "upstox_v2": ("upstox", JSON, dumped(upstox())),
        "nse_daily_csv": ("nse_site_untimed", CSV, legs_csv()),
        "canonical": ("nse_site", PARQUET, encode_snapshot(chain())),
    }
    return {
        name: RawSnapshot("NIFTY", source, name, AT, (Payload(body, kind, AT, _expiry(name)),))
        for name, (source, kind, body) in made.items()
    }


def _expiry(parser: str) -> date | None:
    return date(2025, 9, 2) if parser == "upstox_v2" else None


def day_file(folder: Any) -> bytes:
    path = folder / "day.parquet"
    write_day_file(path, [chain()], {})
    return bytes(path.read_bytes())


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def stamps(form: str, first: datetime, count: int = 4, minutes: int = 5) -> list[str]:
    return [(first + step * timedelta(minutes=minutes)).strftime(form) for step in range(count)]


UDIFF_HEADER = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,FininstrmActlXpryDt,StrkPric,OptnTp,"
    "FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,ChngInOpnIntrst,"
    "TtlTradgVol,TtlTrfVal,TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)
UDIFF = f"""{UDIFF_HEADER}
2025-08-29,2025-08-29,FO,NSE,IDO,4,,NIFTY,,2025-09-02,2025-09-02,24500.00,CE,X,99,120,95,101.7,101,98,24480.5,101.7,7500,-75,40,73470000.5,30,F1,75,,,,,
2025-08-29,2025-08-29,FO,NSE,IDO,5,,NIFTY,,2025-09-30,2025-09-29,24500.00,PE,X,99,120,95,101.7,101,98,24480.5,101.7,7500,-75,40,73470000.5,30,F1,75,,,,,
2025-08-29,2025-08-29,FO,NSE,IDF,6,,NIFTY,,2025-09-30,2025-09-30,,,X,24500,24600,24400,24550,24551,24500,24480.5,24550,75000,750,100,184125000,90,F1,75,,,,,
"""
OLDER = """INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR,OPTION_TYP,OPEN,HIGH,LOW,CLOSE,SETTLE_PR,CONTRACTS,VAL_INLAKH,OPEN_INT,CHG_IN_OI,TIMESTAMP,
FUTIDX,NIFTY,31-May-12,0,XX,4900,4950,4880,4920,4920,1000,2460.5,100000,-50,14-MAY-2012,
OPTIDX,NIFTY,28-Jun-2012,5000,CE,80,85,75,82,82,100,254.1,5000,50,14-MAY-2012,
OPTIDX,NIFTY,28-Jun-2012,5000,PA,80,85,75,82,82,100,254.1,5000,50,14-MAY-2012,
"""
ACTIVITY = """INSTRUMENT,SYMBOL    ,EXP_DATE  ,STR_PRICE  ,OPT_TYPE,OPEN_PRICE ,HI_PRICE   ,LO_PRICE   ,CLOSE_PRICE,OPEN_INT*      ,TRD_QTY          ,NO_OF_CONT       ,NO_OF_TRADE      ,NOTION_VAL        ,PR_VAL
OPTIDX    ,NIFTY     ,02/09/2025,00024500.00,PE      ,00000003.95,00000005.20,00000003.30,00000003.50,000000000074795,            13965,              399,              135,      649427357.25,          54857.25
* - OPEN_INT as available in the trading system at the end of trading hours.
"""
FUTURES = """date,symbol,expiry,close,contracts,value,open_interest,stated_lot,implied_lot
2024-07-05,NIFTY,25-Jul-2024,24379.4,230381,1400814.91,14171325,,24.94
2024-07-08,NIFTY,2024-07-25,24375.6,130096,79178179681.25,14239275,25,24.97
"""
PARTICIPANTS = """"Participant wise Open Interest (no. of contracts) in Equity Derivatives as on Aug 28, 2025",,,,,,,,,,,,
Client Type,Future Index Long,Future Index Short,Future Stock Long,Future Stock Short       ,Option Index Call Long,Option Index Put Long,Option Index Call Short,Option Index Put Short,Option Stock Call Long,Option Stock Put Long,Option Stock Call Short,Option Stock Put Short
Client,1,2,3,4,5,6,7,8,9,10,11,12
DII,1,2,3,4,5,6,7,8,9,10,11,12
FII,1,2,3,4.5,5,6,7,8,9,10,11,12
Pro,1,2,3,4,5,6,7,8,9,10,11,
TOTAL,4,8,12,16,20,24,28,32,36,40,44,48
"""
VIX = """Date ,Open ,High ,Low ,Close ,Prev. Close ,Change ,% Change
02-JAN-2012,27.11,28.68,27.11,27.53,27.11,0.42,1.55
03-JAN-2012,27.53,27.53,26.99,26.16,27.53,-1.37,-4.98
12-FEB-2021,0.0,0.0,0.0,23.045,0.0,23.05,
"""
FOVOLT = """Date, Symbol, Underlying Close Price (A), Underlying Previous Day Close Price (B), Underlying Log Returns (C) = LN(A/B), Previous Day Underlying Volatility (D), Current Day Underlying Daily Volatility (E) = Sqrt(0.995*D*D + 0.005*C*C), Underlying Annualised Volatility (F) = E*Sqrt(365), Futures Close Price (G), Futures Previous Day Close Price (H), Futures Log Returns (I) = LN(G/H), Previous Day Futures Volatility (J), Current Day Futures Daily Volatility (K) = Sqrt(0.995*J*J + 0.005*I*I), Futures Annualised Volatility (L) = K*Sqrt(365), Applicable Daily Volatility (M) = Max(E or K), Applicable Annualised Volatility (N) = Max(F or L)
28-AUG-2025,NIFTY,24500.9,24712.05,  -0.0086,  0.0077,  0.0077,  0.1471,24630.1,24830,  -0.0081,  0.0078,  0.0078,  0.1490,  0.0078,  0.1490
28-AUG-2025,ABC,100,101,  -0.0099,  0.0077,  0.0077,  0.1471,-,-,-,-,-,-,  0.0077,  0.1471
"""
VOLATILITY = """date,symbol,spot_close,spot_prev,fut_close,fut_prev,sigma_underlying,sigma_futures,sigma_applicable,ann_applicable
2012-07-05,NIFTY,5327.3,5302.55,5344.5,5322.65,0.0098,0.0109,0.0109,0.2074
2012-07-06,NIFTY,5327.3,5302.55,,,0.0098,,0.0109,0.2074
"""
CASH = """SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, CLOSE_PRICE, AVG_PRICE, TTL_TRD_QNTY, TURNOVER_LACS, NO_OF_TRADES, DELIV_QTY, DELIV_PER
ABC, EQ, 14-Nov-2025, 197.95, 197.90, 199.06, 191.60, 194.50, 193.63, 196.23, 95278, 186.97, 2549, 56622, 59.43
"""
CASH_HISTORY = """SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,TOTALTRADES,ISIN
ABC,EQ,197.90,199.06,191.60,193.63,194.5,197.95,95278,186.97,28-Aug-2025,2549,INE0
ABC,EQ,197.90,199.06,191.60,193.63,194.5,197.95,95278,186.97,28-Aug-2025,2549,INE0
XYZ,BE,197.90,199.06,191.60,0,194.5,197.95,95278,186.97,28-Aug-2025,2549,INE1
"""
_PRICE = "100.5,101,99.5,100"


def bar_texts() -> dict[str, tuple[str, str]]:
    """(file name, text) of each layout of bars."""
    ist, utc = datetime(2025, 8, 29, 9, 15), datetime(2025, 8, 29, 3, 45)
    labelled = [f"NIFTY,20250829,{clock},{_PRICE}" for clock in stamps("%H:%M", ist, minutes=1)]
    epoch = [f"{int(utc.replace(tzinfo=UTC).timestamp()) + 900 * step},{_PRICE}" for step in range(4)]
    yahoo = [f"{stamp}+00:00,100,101,99.5,100.5,0" for stamp in stamps("%Y-%m-%d %H:%M:%S", utc, minutes=60)]
    adjusted = [f"{stamp},100,100,101,99.5,100.5,0" for stamp in stamps("%Y-%m-%d %H:%M:%S", ist)]
    day_first = [f"{stamp},{_PRICE},0" for stamp in stamps("%d-%m-%Y %H:%M", ist, minutes=15)]
    utc_bars = [f"{stamp},{_PRICE},75" for stamp in stamps("%Y-%m-%d %H:%M:%S", utc)]
    late = ["2025-08-29 13:35:00,100,101,100.5,100.8,0"]
    ohlc = "Open,High,Low,Close"
    three = f"Price,Close,High,Low,Open,Volume\nTicker,{','.join(['^NSEI'] * 5)}\nDatetime,,,,,"
    return {
        "bars_labelled": ("BNF_2025.csv", "\n".join([f"Instrument,Date,Time,{ohlc}", *labelled])),
        "bars_epoch": ("BankNifty_2018.csv", "\n".join([f"Time,{ohlc}", *epoch])),
        "bars_day_first": ("nifty_15min.csv", "\n".join(["datetime,open,high,low,close,volume", *day_first])),
        "bars_stamped": ("nifty_5min.csv", "\n".join(["timestamp,open,high,low,close,volume", *utc_bars, *late])),
        "bars_yahoo": ("nsei_60m.csv", "\n".join([three, *yahoo])),
        "bars_adjusted": ("nifty_5m.csv", "\n".join([",adj close,close,high,low,open,volume", *adjusted])),
    }


def documents(folder: Any) -> dict[str, tuple[str, bytes]]:
    """(file name, bytes) for every importer."""
    candles = [[f"2025-08-29T09:1{5 + step}:00+05:30", 100.5, 101, 99.5, 100, 75, 0] for step in (2, 1, 0)]
    texts = {
        **bar_texts(),
        "udiff_bhavcopy": ("BhavCopy_NSE_FO_0_0_0_20250829_F_0000.csv", UDIFF),
        "older_bhavcopy": ("fo14MAY2012bhav.csv", OLDER),
        "market_activity": ("op29082025.csv", ACTIVITY),
        "futures_history": ("bhav_index.csv", FUTURES),
        "participant_oi": ("fao_participant_oi_28082025.csv", PARTICIPANTS),
        "vix": ("india_vix.csv", VIX),
        "fovolt": ("FOVOLT_28082025.csv", FOVOLT),
        "volatility_history": ("volatility.csv", VOLATILITY),
        "cash_bhavcopy": ("FOVOLT_14112025.csv", CASH),
        "cash_history": ("cm28AUG2025bhav.csv", CASH_HISTORY),
    }
    return {
        "nse_rows": ("rows.parquet", parquet(nse_rows())),
        "ltp_rows": ("ltp.parquet", parquet(ltp_rows())),
        "nse_greeks": ("greeks.parquet", parquet(greeks())),
        "nse_json": ("NIFTY_20250829_110001.json", dumped(nse_json())),
        "upstox_v2": ("NIFTY_20250829_110001.json", dumped(upstox())),
        "nse_daily_legs": ("NIFTY_2025-08-29.csv", legs_csv()),
        "nse_daily_flat": ("NIFTY_2025-08-29.csv", flat_csv()),
        "day_file": ("day.parquet", day_file(folder)),
        "bars_candles": ("nifty_1min.json", dumped({"status": "success", "data": {"candles": candles}})),
        **{name: (file, text.encode()) for name, (file, text) in texts.items()},
    }
