Feature: Functions
  What runs is what was tested, where only its callers reach it, with limits that fit each other.

  @noskip
  Scenario: A function's image is a digest, never a tag
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have containers
    And it must have image
    And its value must match the "[^@]+@sha256:[0-9a-f]{64}$" regex

  @noskip
  Scenario: A job's image is a digest, never a tag
    Given I have google_cloud_run_v2_job defined
    Then it must have template
    And it must have containers
    And it must have image
    And its value must match the "[^@]+@sha256:[0-9a-f]{64}$" regex

  @noskip
  Scenario: Only named HTTP functions can be reached from the internet
    Given I have google_cloud_run_v2_service defined
    When its ingress is not INGRESS_TRAFFIC_INTERNAL_ONLY
    Then it must have name
    And its value must match the "qs-(kill-switch|rotate-token|self-test|self-test-sink)$" regex

  @noskip
  Scenario: Only named functions with a secret of their own are called without Google's check
    Given I have google_cloud_run_v2_service defined
    When its invoker_iam_disabled is true
    Then it must have name
    And its value must match the "qs-(kill-switch|rotate-token|self-test-sink)$" regex

  @noskip
  Scenario: A function is protected against deletion in production
    Given I have google_cloud_run_v2_service defined
    Then it must have deletion_protection
    And its value must match the "true$" regex

  @noskip
  Scenario: A job is protected against deletion in production
    Given I have google_cloud_run_v2_job defined
    Then it must have deletion_protection
    And its value must match the "true$" regex

  @noskip
  Scenario: A function's instances have a ceiling
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have scaling
    And it must have max_instance_count
    And its value must match the "([1-9][0-9]?|100)$" regex

  @noskip
  Scenario: A function's instances have a floor that is said
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have scaling
    And it must have min_instance_count
    And its value must match the "[0-9]$" regex

  @noskip
  Scenario: A function says how many requests it takes at once
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have max_instance_request_concurrency
    And its value must match the "[1-9][0-9]?$" regex

  @noskip
  Scenario: A function is given up on within ten minutes
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have timeout
    And its value must match the "([1-9][0-9]?|[1-5][0-9][0-9]|600)s$" regex

  @noskip
  Scenario: A function starts with a boost of its processor
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have containers
    And it must have resources
    And it must have startup_cpu_boost
    And its value must match the "true$" regex

  @noskip
  Scenario: A function has limits of memory and processor
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have containers
    And it must have resources
    And it must have limits
    And it must have memory
    And its value must match the "[0-9]+Mi$" regex

  @noskip
  Scenario: A function runs in India
    Given I have google_cloud_run_v2_service defined
    Then it must have location
    And its value must match the "asia-south[12]$" regex
