"""The part of Linear's schema that the stand-in serves, names and types as Linear declares them."""

from graphql import GraphQLSchema, build_schema

SDL = """
scalar DateTime
scalar DateTimeOrDuration
scalar TimelessDate

enum PaginationOrderBy { createdAt updatedAt }

type Query {
  viewer: User!
  organization: Organization!
  team(id: String!): Team!
  teams(after: String, before: String, first: Int, last: Int, filter: TeamFilter, orderBy: PaginationOrderBy):
    TeamConnection!
  issue(id: String!): Issue!
  issues(
    after: String, before: String, first: Int, last: Int,
    filter: IssueFilter, includeArchived: Boolean, orderBy: PaginationOrderBy
  ): IssueConnection!
  issueLabels(after: String, before: String, first: Int, last: Int, filter: IssueLabelFilter): IssueLabelConnection!
  users(after: String, before: String, first: Int, last: Int): UserConnection!
  workflowStates(after: String, before: String, first: Int, last: Int): WorkflowStateConnection!
}

type Mutation {
  issueCreate(input: IssueCreateInput!): IssuePayload!
  issueLabelCreate(input: IssueLabelCreateInput!): IssueLabelPayload!
}

type IssuePayload { success: Boolean! lastSyncId: Float! issue: Issue }
type IssueLabelPayload { success: Boolean! lastSyncId: Float! issueLabel: IssueLabel! }

input IssueLabelCreateInput { color: String description: String id: String name: String! teamId: String }

input IssueCreateInput {
  assigneeId: String
  description: String
  id: String
  labelIds: [String!]
  priority: Int
  stateId: String
  teamId: String!
  title: String
}

type Organization { id: ID! name: String! urlKey: String! createdAt: DateTime! }

type User {
  id: ID! name: String! displayName: String! email: String! active: Boolean! createdAt: DateTime! updatedAt: DateTime!
}

type Team {
  id: ID! name: String! key: String! description: String createdAt: DateTime! updatedAt: DateTime!
  issueCount(includeArchived: Boolean): Int!
  states(after: String, before: String, first: Int, last: Int): WorkflowStateConnection!
  labels(after: String, before: String, first: Int, last: Int): IssueLabelConnection!
  issues(
    after: String, before: String, first: Int, last: Int,
    filter: IssueFilter, includeArchived: Boolean, orderBy: PaginationOrderBy
  ): IssueConnection!
}

type WorkflowState {
  id: ID! name: String! type: String! color: String! position: Float!
  createdAt: DateTime! updatedAt: DateTime! team: Team!
}

type IssueLabel {
  id: ID! name: String! color: String! isGroup: Boolean! team: Team createdAt: DateTime! updatedAt: DateTime!
}

type Issue {
  id: ID! identifier: String! number: Float! title: String! description: String url: String! branchName: String!
  priority: Float! priorityLabel: String! estimate: Float labelIds: [String!]! trashed: Boolean
  createdAt: DateTime! updatedAt: DateTime! archivedAt: DateTime startedAt: DateTime completedAt: DateTime
  canceledAt: DateTime dueDate: TimelessDate
  state: WorkflowState! team: Team! assignee: User creator: User
  labels(after: String, before: String, first: Int, last: Int): IssueLabelConnection!
}

type PageInfo { startCursor: String endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! }

type IssueConnection { edges: [IssueEdge!]! nodes: [Issue!]! pageInfo: PageInfo! }
type IssueEdge { cursor: String! node: Issue! }
type TeamConnection { edges: [TeamEdge!]! nodes: [Team!]! pageInfo: PageInfo! }
type TeamEdge { cursor: String! node: Team! }
type IssueLabelConnection { edges: [IssueLabelEdge!]! nodes: [IssueLabel!]! pageInfo: PageInfo! }
type IssueLabelEdge { cursor: String! node: IssueLabel! }
type UserConnection { edges: [UserEdge!]! nodes: [User!]! pageInfo: PageInfo! }
type UserEdge { cursor: String! node: User! }
type WorkflowStateConnection { edges: [WorkflowStateEdge!]! nodes: [WorkflowState!]! pageInfo: PageInfo! }
type WorkflowStateEdge { cursor: String! node: WorkflowState! }

input DateComparator {
  eq: DateTimeOrDuration neq: DateTimeOrDuration gt: DateTimeOrDuration gte: DateTimeOrDuration
  lt: DateTimeOrDuration lte: DateTimeOrDuration in: [DateTimeOrDuration!] nin: [DateTimeOrDuration!]
}
input NullableDateComparator {
  eq: DateTimeOrDuration neq: DateTimeOrDuration gt: DateTimeOrDuration gte: DateTimeOrDuration
  lt: DateTimeOrDuration lte: DateTimeOrDuration in: [DateTimeOrDuration!] nin: [DateTimeOrDuration!] null: Boolean
}
input StringComparator {
  eq: String neq: String in: [String!] nin: [String!] eqIgnoreCase: String
  contains: String containsIgnoreCase: String startsWith: String endsWith: String
}
input IDComparator { eq: ID neq: ID in: [ID!] nin: [ID!] }
input IssueIDComparator { eq: ID neq: ID in: [ID!] nin: [ID!] }
input NumberComparator { eq: Float neq: Float gt: Float gte: Float lt: Float lte: Float in: [Float!] nin: [Float!] }
input NullableNumberComparator {
  eq: Float neq: Float gt: Float gte: Float lt: Float lte: Float in: [Float!] nin: [Float!] null: Boolean
}

input IssueFilter {
  and: [IssueFilter!]
  or: [IssueFilter!]
  id: IssueIDComparator
  number: NumberComparator
  title: StringComparator
  priority: NullableNumberComparator
  createdAt: DateComparator
  updatedAt: DateComparator
  completedAt: NullableDateComparator
  state: WorkflowStateFilter
  team: TeamFilter
  assignee: NullableUserFilter
  labels: IssueLabelCollectionFilter
}
input WorkflowStateFilter {
  and: [WorkflowStateFilter!] or: [WorkflowStateFilter!]
  id: IDComparator name: StringComparator type: StringComparator
}
input TeamFilter { and: [TeamFilter!] or: [TeamFilter!] id: IDComparator name: StringComparator key: StringComparator }
input NullableUserFilter {
  and: [NullableUserFilter!] or: [NullableUserFilter!]
  id: IDComparator name: StringComparator email: StringComparator null: Boolean
}
input IssueLabelFilter { and: [IssueLabelFilter!] or: [IssueLabelFilter!] id: IDComparator name: StringComparator }
input IssueLabelCollectionFilter {
  some: IssueLabelFilter every: IssueLabelFilter name: StringComparator id: IDComparator
}
"""


def served_schema() -> GraphQLSchema:
    """Return a fresh schema; resolvers come from the root value."""
    return build_schema(SDL)
