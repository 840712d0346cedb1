Feature: Schedules
  The exchange's clock is India's.

  @noskip
  Scenario: Every schedule is in Indian time
    Given I have google_cloud_scheduler_job defined
    Then it must have time_zone
    And its value must match the "Asia/Kolkata$" regex

  @noskip
  Scenario: Every schedule has five fields
    Given I have google_cloud_scheduler_job defined
    Then it must have schedule
    And its value must match the "(\S+ ){4}\S+$" regex

  @noskip
  Scenario: No schedule is paused in production
    Given I have google_cloud_scheduler_job defined
    Then it must have paused
    And its value must match the "false$" regex

  @noskip
  Scenario: A beat that fails is tried again
    Given I have google_cloud_scheduler_job defined
    Then it must have retry_config
    And it must have retry_count
    And its value must match the "[1-5]$" regex

  @noskip
  Scenario: A schedule that calls shows its own account
    Given I have google_cloud_scheduler_job defined
    When it has http_target
    Then it must have http_target
    And it must have service_account_email
    And its value must match the "qs-[a-z0-9-]+@" regex
