Feature: Least privilege
  Nobody may do more than its part of the work, and nobody is the public.

  @noskip
  Scenario: No member is the public
    Given I have any resource defined
    When it has member
    Then it must have member
    And its value must not match the "all(Authenticated)?Users" regex

  Scenario: No binding or policy replaces the members that another module granted
    Given I have any resource defined
    When its type metadata has "google_.*_iam_(binding|policy)$" regex
    Then it must fail

  @noskip
  Scenario: No member has a primitive role
    Given I have any resource defined
    When it has role
    Then it must have role
    And its value must not match the "roles/(owner|editor|viewer)$" regex

  Scenario: No service account has a key
    Given I have google_service_account_key defined
    Then it must fail

  @noskip
  Scenario: No function runs as a default service account
    Given I have google_cloud_run_v2_service defined
    Then it must have template
    And it must have service_account
    And its value must match the "qs-[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com$" regex

  @noskip
  Scenario: No job runs as a default service account
    Given I have google_cloud_run_v2_job defined
    Then it must have template
    And it must have service_account
    And its value must match the "qs-[a-z0-9-]+@[a-z0-9-]+\.iam\.gserviceaccount\.com$" regex

  @noskip
  Scenario: A service account is only lent to be called, to deploy or to be federated
    Given I have google_service_account_iam_member defined
    Then it must have role
    And its value must match the "roles/iam\.(serviceAccountOpenIdTokenCreator|serviceAccountUser|workloadIdentityUser)$" regex

  @noskip
  Scenario: Whoever calls a function may call it and nothing else
    Given I have google_cloud_run_v2_service_iam_member defined
    Then it must have role
    And its value must match the "roles/run\.(invoker|developer)$" regex

  @noskip
  Scenario: Buckets are shared by roles on objects
    Given I have google_storage_bucket_iam_member defined
    Then it must have role
    And its value must match the "roles/storage\.object(Viewer|User|Creator)$" regex

  @noskip
  Scenario: Topics are shared with publishers
    Given I have google_pubsub_topic_iam_member defined
    Then it must have role
    And its value must match the "roles/pubsub\.publisher$" regex
