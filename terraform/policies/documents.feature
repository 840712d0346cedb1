Feature: Documents
  The database can be restored, cannot be dropped, and answers nobody but the functions.

  @noskip
  Scenario: The database is protected against deletion
    Given I have google_firestore_database defined
    Then it must have delete_protection_state
    And its value must match the "DELETE_PROTECTION_ENABLED$" regex

  @noskip
  Scenario: The database is neither abandoned nor dropped by Terraform
    Given I have google_firestore_database defined
    Then it must have deletion_policy
    And its value must match the "PREVENT$" regex

  @noskip
  Scenario: The database can be read as of any minute of the last week
    Given I have google_firestore_database defined
    Then it must have point_in_time_recovery_enablement
    And its value must match the "POINT_IN_TIME_RECOVERY_ENABLED$" regex

  @noskip
  Scenario: The database is backed up every day
    Given I have google_firestore_backup_schedule defined
    When it does not have weekly_recurrence
    Then it must have daily_recurrence

  @noskip
  Scenario: Backups are kept for a week at least
    Given I have google_firestore_backup_schedule defined
    Then it must have retention
    And its value must match the "[0-9]+s$" regex
    And its value must not match the "([0-9]{1,5}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2})s$" regex

  @noskip
  Scenario: The database's rules deny everything
    Given I have google_firebaserules_ruleset defined
    Then it must have source
    And it must have content
    And its value must match the "[\s\S]*match /\{document=\*\*\} \{\s*allow read, write: if false;" regex

  @noskip
  Scenario: The database's rules allow nothing
    Given I have google_firebaserules_ruleset defined
    Then it must have source
    And it must have content
    And its value must not match the "[\s\S]*allow [a-z, ]*(;|:\s*if (?!false;))" regex

  @noskip
  Scenario: The rules are the ones in force
    Given I have google_firebaserules_release defined
    Then it must have name
    And its value must match the "cloud\.firestore" regex

  @noskip
  Scenario: Expiring documents are removed by their expiry
    Given I have google_firestore_field defined
    Then it must have ttl_config

  @noskip
  Scenario: The expiry is the field that the code writes
    Given I have google_firestore_field defined
    Then it must have field
    And its value must match the "expire_at$" regex

  @noskip
  Scenario: The inbox is among the collections that expire
    Given I have google_firestore_field defined
    When its collection is inbox
    Then it must have ttl_config

  @noskip
  Scenario: Who reads or writes documents is confined to this database
    Given I have google_project_iam_member defined
    When its role has "roles/datastore\.(user|viewer)$" regex
    Then it must have condition
    And it must have expression
    And its value must match the "resource\.name == .projects/[a-z0-9-]+/databases/[^/]+.$" regex

  @noskip
  Scenario: The database is in India
    Given I have google_firestore_database defined
    Then it must have location_id
    And its value must match the "asia-south[12]$" regex
