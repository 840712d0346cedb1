Feature: Secrets
  A secret is a file in the one function that needs it, and never a value of this configuration.

  @noskip
  Scenario: No environment variable of a function is named like a secret
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have containers
    And it must have env
    And it must have name
    And its value must not match the ".*(TOKEN|SECRETS?|PASSWORD|CREDENTIALS?|(^|_)KEYS?)$" regex

  @noskip
  Scenario: No environment variable of a function holds what looks like a secret
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have containers
    And it must have env
    And it must have value
    And its value must not match the ".*(-----BEGIN|eyJ[A-Za-z0-9_-]{10}|ya29\.|[0-9]{8,10}:[A-Za-z0-9_-]{30})" regex

  @noskip
  Scenario: No environment variable of a function is filled from a secret
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have containers
    And it must have env
    And it must not have secret_key_ref

  @noskip
  Scenario: No environment variable of a job is filled from a secret
    Given I have google_cloud_run_v2_job defined
    Then it must have template
    And it must have containers
    And it must not have secret_key_ref

  @noskip
  Scenario: A secret is mounted as the file value
    Given I have google_cloud_run_v2_service defined
    When it has items
    Then it must have template
    And it must have volumes
    And it must have secret
    And it must have path
    And its value must match the "value$" regex

  @noskip
  Scenario: Secrets are mounted in their own folder
    Given I have google_cloud_run_v2_service defined
    When it has mount_path
    Then it must have template
    And it must have containers
    And it must have volume_mounts
    And it must have mount_path
    And its value must match the "/secrets/[a-z0-9-]+$" regex

  Scenario: No value of a secret passes through Terraform
    Given I have google_secret_manager_secret_version defined
    Then it must fail

  @noskip
  Scenario: A secret is protected against deletion
    Given I have google_secret_manager_secret defined
    Then it must have deletion_protection
    And its value must match the "true$" regex

  @noskip
  Scenario: A secret's destroyed version can be brought back for a week
    Given I have google_secret_manager_secret defined
    Then it must have version_destroy_ttl
    And its value must match the "604800s$" regex

  @noskip
  Scenario: A secret's value stays in India
    Given I have google_secret_manager_secret defined
    Then it must have replication
    And it must have user_managed
    And it must have replicas
    And it must have location
    And its value must match the "asia-south[12]$" regex

  @noskip
  Scenario: A secret is read or added to, never administered
    Given I have google_secret_manager_secret_iam_member defined
    Then it must have role
    And its value must match the "roles/secretmanager\.(secretAccessor|secretVersionAdder)$" regex
