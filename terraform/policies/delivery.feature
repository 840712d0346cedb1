Feature: Delivery
  The pipeline shows who it is; it owns no key.

  @noskip
  Scenario: The pipeline is believed for one repository and one branch only
    Given I have google_iam_workload_identity_pool_provider defined
    Then it must have attribute_condition
    And its value must match the "assertion\.\w+ == '[^']+/[^']+' && assertion\.\w+ == '[^']+'" regex

  @noskip
  Scenario: The pipeline's issuer is said
    Given I have google_iam_workload_identity_pool_provider defined
    Then it must have oidc
    And it must have issuer_uri
    And its value must match the "https://" regex
