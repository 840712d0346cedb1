Feature: Buckets
  What was stored can be read again, and by nobody else.

  @noskip
  Scenario: Every bucket is versioned
    Given I have google_storage_bucket defined
    Then it must have versioning
    And it must have enabled
    And its value must match the "true$" regex

  @noskip
  Scenario: Every bucket has uniform access
    Given I have google_storage_bucket defined
    Then it must have uniform_bucket_level_access
    And its value must match the "true$" regex

  @noskip
  Scenario: Every bucket refuses public access
    Given I have google_storage_bucket defined
    Then it must have public_access_prevention
    And its value must match the "enforced$" regex

  @noskip
  Scenario: What was deleted from a bucket can be brought back for a week
    Given I have google_storage_bucket defined
    Then it must have soft_delete_policy
    And it must have retention_duration_seconds
    And its value must match the "[0-9]+$" regex
    And its value must not match the "([0-9]{1,5}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2})$" regex

  @noskip
  Scenario: Old generations are removed in the end
    Given I have google_storage_bucket defined
    Then it must have lifecycle_rule
    And it must have days_since_noncurrent_time
    And any of its values must match the "[1-9][0-9]*$" regex

  @noskip
  Scenario: The audit bucket's retention is locked in production
    Given I have google_storage_bucket defined
    When its name has ".*-audit$" regex
    Then it must have retention_policy
    And it must have is_locked
    And its value must match the "true$" regex

  @noskip
  Scenario: Decisions and audit roots are kept for five years
    Given I have google_storage_bucket defined
    When its name has ".*-(audit|decisions)$" regex
    Then it must have retention_policy
    And it must have retention_period
    And its value must match the "157[89][0-9]{5}$" regex

  @noskip
  Scenario: No bucket is emptied to be removed
    Given I have google_storage_bucket defined
    Then it must have force_destroy
    And its value must match the "false$" regex

  @noskip
  Scenario: A bucket is not removed in production
    Given I have google_storage_bucket defined
    Then it must have deletion_policy
    And its value must match the "PREVENT$" regex

  @noskip
  Scenario: Every bucket is in India
    Given I have google_storage_bucket defined
    Then it must have location
    And its value must match the "asia-south[12]$" regex
