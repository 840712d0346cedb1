Feature: Alerts
  Whatever goes wrong, somebody is told, with what to do.

  @noskip
  Scenario: Every alert is switched on
    Given I have google_monitoring_alert_policy defined
    Then it must have enabled
    And its value must match the "true$" regex

  @noskip
  Scenario: Every alert says what to do
    Given I have google_monitoring_alert_policy defined
    Then it must have documentation
    And it must have content
    And its value must match the "[\s\S]{20}" regex

  @noskip
  Scenario: Every alert says how bad it is
    Given I have google_monitoring_alert_policy defined
    Then it must have severity
    And its value must match the "(CRITICAL|ERROR|WARNING)$" regex

  @noskip
  Scenario: There is somebody to be told
    Given I have google_monitoring_notification_channel defined
    Then it must have enabled
    And its value must match the "true$" regex

  @noskip
  Scenario: Log lines are kept for a quarter
    Given I have google_logging_project_bucket_config defined
    Then it must have retention_days
    And its value must match the "(9[0-9]|[1-9][0-9]{2,3})$" regex
