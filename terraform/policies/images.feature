Feature: Images
  A digest that was tested can always be deployed again.

  @noskip
  Scenario: A tag of an image cannot be moved
    Given I have google_artifact_registry_repository defined
    Then it must have docker_config
    And it must have immutable_tags
    And its value must match the "true$" regex

  @noskip
  Scenario: Images are scanned for vulnerabilities
    Given I have google_artifact_registry_repository defined
    Then it must have vulnerability_scanning_config
    And it must have enablement_config
    And its value must match the "INHERITED$" regex

  @noskip
  Scenario: The newest images are kept, so that a deployment can go back
    Given I have google_artifact_registry_repository defined
    Then it must have cleanup_policies
    And it must have keep_count
    And any of its values must match the "([5-9]|[1-9][0-9]+)$" regex

  @noskip
  Scenario: Old images are really removed
    Given I have google_artifact_registry_repository defined
    Then it must have cleanup_policy_dry_run
    And its value must match the "false$" regex

  @noskip
  Scenario: Images are not removed with their repository
    Given I have google_artifact_registry_repository defined
    Then it must have deletion_policy
    And its value must match the "PREVENT$" regex
