Feature: Queues
  No message is lost, none is tried without end, and nobody but Pub/Sub brings one.

  @noskip
  Scenario: Every push subscription has a dead letter
    Given I have google_pubsub_subscription defined
    When it has push_config
    Then it must have dead_letter_policy
    And it must have dead_letter_topic
    And its value must match the "projects/[a-z0-9-]+/topics/[a-z0-9_]+\.dead$" regex

  @noskip
  Scenario: A message is tried 5 to 100 times
    Given I have google_pubsub_subscription defined
    When it has push_config
    Then it must have dead_letter_policy
    And it must have max_delivery_attempts
    And its value must match the "([5-9]|[1-9][0-9]|100)$" regex

  @noskip
  Scenario: No subscription ever expires
    Given I have google_pubsub_subscription defined
    Then it must have expiration_policy
    And its value must match the "^$" regex

  @noskip
  Scenario: A push carries a token of its own account
    Given I have google_pubsub_subscription defined
    When it has push_config
    Then it must have push_config
    And it must have oidc_token
    And it must have service_account_email
    And its value must match the "qs-[a-z0-9-]+-push@" regex

  @noskip
  Scenario: A push's token is for one function only
    Given I have google_pubsub_subscription defined
    When it has push_config
    Then it must have push_config
    And it must have oidc_token
    And it must have audience
    And its value must match the "https://qs-[a-z0-9-]+\." regex

  @noskip
  Scenario: The first retry waits ten seconds
    Given I have google_pubsub_subscription defined
    When it has push_config
    Then it must have retry_policy
    And it must have minimum_backoff
    And its value must match the "10s$" regex

  @noskip
  Scenario: Retries are never more than ten minutes apart
    Given I have google_pubsub_subscription defined
    When it has push_config
    Then it must have retry_policy
    And it must have maximum_backoff
    And its value must match the "600s$" regex

  @noskip
  Scenario: The ack deadline is one that Pub/Sub takes
    Given I have google_pubsub_subscription defined
    Then it must have ack_deadline_seconds
    And its value must match the "([1-9][0-9]|[1-5][0-9][0-9]|600)$" regex

  @noskip
  Scenario: Messages wait for a week at least
    Given I have google_pubsub_subscription defined
    Then it must have message_retention_duration
    And its value must match the "[0-9]+s$" regex
    And its value must not match the "([0-9]{1,5}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2})s$" regex

  @noskip
  Scenario: A subscription is not removed with what waits in it
    Given I have google_pubsub_subscription defined
    Then it must have deletion_policy
    And its value must match the "PREVENT$" regex

  @noskip
  Scenario: No subscription promises an order, because an ordered dead letter sticks for ever
    Given I have google_pubsub_subscription defined
    Then it must have enable_message_ordering
    And its value must match the "(None|False)$" regex
