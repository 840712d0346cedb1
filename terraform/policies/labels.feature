Feature: Labels
  A bill or an inventory can be read by product, environment and part.

  @noskip
  Scenario: Everything that takes labels says which product it belongs to
    Given I have any resource defined
    When it has effective_labels
    Then it must have labels
    And it must have app
    And its value must match the "quantsentinel$" regex

  @noskip
  Scenario: Everything that takes labels says that it is production
    Given I have any resource defined
    When it has effective_labels
    Then it must have labels
    And it must have env
    And its value must match the "prod$" regex

  @noskip
  Scenario: Everything that takes labels says which part it is
    Given I have any resource defined
    When it has effective_labels
    Then it must have labels
    And it must have part
    And its value must match the "[a-z][a-z0-9_-]+$" regex

  @noskip
  Scenario: Every alert says which part it is about
    Given I have google_monitoring_alert_policy defined
    Then it must have user_labels
    And it must have part
    And its value must match the "[a-z][a-z0-9_-]+$" regex
