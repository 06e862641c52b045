// The tables of the network. Table, column and field ids are in the log and in every snapshot:
// never changed, never reused. What a later part of the network needs is added then; adding a
// field, an index or a table is free.
//
//   users ◀─┬─ sessions, identities, mailTokens, invites        how one comes in
//           ├─ follows, followRequests, blocks, mutes           two users each
//           ├─ posts ──parent, root──▶ posts                    a comment is a post with both
//           │    ▲ ├──▶ media ──▶ files                         one row for each stored file
//           │    ├─┴─ likes, bookmarks, taggings ──▶ tags, revisions, collectionItems
//           ├─ collections, drafts
//           ├─ notifications, markers
//           └─ reports                                          jobs, blockedTerms, settings: alone
//
// What is shown of a user or a post is kept as text until their rows change (api/render): what
// changes often has a row of its own (markers), or is a counter.
//
// The life of a post or comment, as columns:
//
//   STATE      deletedAt  isGone  LISTED BY             TEXT AND PHOTOS
//   live       0          false   author, thread, replies   there
//   tombstone  time       false   thread, replies           erased: live comments hang below it
//   gone       time       true    nothing                   erased
//
// Besides, a moderator may have removed it (`removedAt`): it is as it was, and hidden from all but
// its author and moderators. Who sees what is decided in visibility.ts alone.
//
// A post that starts a thread is never a tombstone: deleted, it is gone, and its whole thread is
// out of sight, because everything that shows a comment looks at its root first.

import { counter, defineTable, flag, float, json, list, number } from '../engine/schema.ts'
import { pair, postings, reference, text, timeMs, unique, words } from '../engine/schema.ts'
import {
  EMAIL_SIZE_MAX,
  HANDLE_SIZE_MAX,
  MENTION_COUNT_MAX,
  POST_MEDIA_COUNT_MAX,
  RECOVERY_CODE_COUNT,
  TAG_SIZE_MAX,
  TEXT_LIMITS,
  sizeMaxOf,
} from './limits.ts'

export type ProfileField = { readonly name: string; readonly value: string }

export const users = defineTable({
  id: 1,
  name: 'users',
  columns: {
    createdAt: timeMs(1),
    /** A position in ROLES (users.ts). */
    role: number(2),
    posts: counter(3, { table: 'posts', by: 'author', unless: ['parent', 'isGone'] }),
    followers: counter(4, { table: 'follows', by: 'followee' }),
    following: counter(5, { table: 'follows', by: 'follower' }),
    /** Only followers see its posts, and following it takes its consent. */
    isPrivate: flag(20),
    /** By a moderator: nobody but moderators sees it, and it cannot log in. 0: it is not. */
    suspendedAt: timeMs(21),
    /** A deleted account: nothing is left but its id and its comments' tombstones. */
    deletedAt: timeMs(22),
    avatar: reference(23, 'media'),
    header: reference(24, 'media'),
    emailConfirmedAt: timeMs(25),
    followRequests: counter(26, { table: 'followRequests', by: 'target' }),
    /** With these, who has nothing to do with any block or mute is known without a look-up. */
    blocking: counter(27, { table: 'blocks', by: 'blocker' }),
    blockedBy: counter(28, { table: 'blocks', by: 'blocked' }),
    muting: counter(29, { table: 'mutes', by: 'muter' }),
    /** Requests to follow that wait for others. */
    requesting: counter(36, { table: 'followRequests', by: 'requester' }),
    /** Time step of the last code of the second factor that was used: none is good twice. */
    totpStep: number(40),
  },
  record: {
    /** As its owner writes it. */
    handle: text(10, { sizeMax: HANDLE_SIZE_MAX }),
    /** In small letters: what makes it unique, and what it is found by. */
    handleKey: text(11, { sizeMax: HANDLE_SIZE_MAX }),
    name: text(12, { sizeMax: sizeMaxOf(TEXT_LIMITS.name) }),
    bio: text(13, { sizeMax: sizeMaxOf(TEXT_LIMITS.bio) }),
    /** A PHC string: "$argon2id$v=19$m=…". */
    passwordHash: text(14, { sizeMax: 255 }),
    /** What the owner says besides the bio: "Camera", "Pentax 67". */
    fields: json<readonly ProfileField[]>(30),
    /** As its owner writes it; '' for none. */
    email: text(31, { sizeMax: EMAIL_SIZE_MAX }),
    /** In small letters, once it is confirmed; '' before. */
    emailKey: text(32, { sizeMax: EMAIL_SIZE_MAX }),
    /** Base32 secret of the second factor; '' while it is off. */
    totpSecret: text(33, { sizeMax: 64 }),
    /** One that was handed out and waits for its first code; '' for none. */
    totpPending: text(41, { sizeMax: 64 }),
    /** SHA-256 in base64url of the recovery codes that are left. */
    recoveryHashes: list<string>(34, { sizeMax: RECOVERY_CODE_COUNT }),
    /** Why a moderator suspended it. */
    suspension: text(35, { sizeMax: sizeMaxOf(TEXT_LIMITS.reason) }),
  },
  indexes: {
    byHandle: unique('handleKey'),
    byEmail: unique('emailKey'),
    byWords: words(['handle', 'name'], { unless: ['suspendedAt', 'deletedAt'] }),
  },
})

/** What a token stands for: a log-in, or an access token that its user made for a program. */
export const sessions = defineTable({
  id: 2,
  name: 'sessions',
  columns: {
    user: reference(1, 'users'),
    createdAt: timeMs(2),
    /** A position in SESSION_KINDS (sessions.ts). */
    kind: number(3),
    /** 0: never. */
    expiresAt: timeMs(4),
    /** To the day: it is not written with each request. */
    seenAt: timeMs(5),
  },
  record: {
    /** SHA-256 of the token, in base64url: whoever reads the store cannot log in. */
    tokenHash: text(10, { sizeMax: 43 }),
    /** The browser as it calls itself, or the name that the user gave an access token. */
    name: text(11, { sizeMax: 400 }),
    /** What an access token may do; a log-in may do everything. */
    scopes: list<string>(12, { sizeMax: 20 }),
  },
  indexes: { byTokenHash: unique('tokenHash'), byUser: postings('user') },
})

export const posts = defineTable({
  id: 3,
  name: 'posts',
  columns: {
    author: reference(1, 'users'),
    /** The post or comment that this comment answers; 0 for a post that starts a thread. */
    parent: reference(2, 'posts'),
    /** The post that started the thread; 0 for that one itself. */
    root: reference(3, 'posts'),
    publishedAt: timeMs(4),
    likes: counter(5, { table: 'likes', by: 'post' }),
    /** Live comments of the whole thread. */
    comments: counter(6, { table: 'posts', by: 'root', unless: ['deletedAt'] }),
    /** Direct answers, tombstones included. */
    replies: counter(7, { table: 'posts', by: 'parent', unless: ['isGone'] }),
    /** 0 for a post, 1 for a comment on it, and so on. */
    depth: number(8),
    deletedAt: timeMs(9),
    isGone: flag(20),
    /** A position in VISIBILITIES (visibility.ts); 0 for comments: their root's holds. */
    visibility: number(21),
    /** Who may comment: a position in COMMENTERS (comments.ts). */
    commenters: number(22),
    editedAt: timeMs(23),
    /** By a moderator. */
    removedAt: timeMs(24),
    revisions: counter(25, { table: 'revisions', by: 'post' }),
  },
  record: {
    /** The text of a comment, too. */
    caption: text(10, { sizeMax: sizeMaxOf(TEXT_LIMITS.caption) }),
    /** Rows of `media`, in the order of the album. */
    media: list<number>(11, { sizeMax: POST_MEDIA_COUNT_MAX }),
    /** Why a moderator removed it. */
    removal: text(30, { sizeMax: sizeMaxOf(TEXT_LIMITS.reason) }),
    /** Users whom the caption mentions by a handle that they had then, in order. */
    mentions: list<number>(31, { sizeMax: MENTION_COUNT_MAX }),
  },
  indexes: {
    byAuthor: postings('author', { unless: ['parent', 'isGone'] }),
    thread: postings('root', { unless: ['isGone'] }),
    replies: postings('parent', { unless: ['isGone'] }),
    /** Posts that start a thread, all those of one visibility together. */
    byVisibility: postings('visibility', { unless: ['isGone', 'removedAt'] }),
    /** Comments, too. */
    allByAuthor: postings('author', { unless: ['isGone'] }),
    byWords: words('caption', { unless: ['parent', 'isGone', 'removedAt'] }),
    commentsByWords: words('caption', { onlyWith: ['parent'], unless: ['isGone', 'removedAt'] }),
  },
})

export const follows = defineTable({
  id: 4,
  name: 'follows',
  columns: {
    follower: reference(1, 'users'),
    followee: reference(2, 'users'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('follower', 'followee'),
    followers: postings('followee'),
    following: postings('follower'),
  },
})

export const likes = defineTable({
  id: 5,
  name: 'likes',
  columns: {
    user: reference(1, 'users'),
    post: reference(2, 'posts'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('user', 'post'),
    byPost: postings('post'),
    byUser: postings('user'),
  },
})

export const media = defineTable({
  id: 6,
  name: 'media',
  columns: {
    owner: reference(1, 'users'),
    /** The post that shows it; 0 while it waits for one. */
    post: reference(2, 'posts'),
    file: reference(3, 'files'),
    /** Pixels of the file that is served. */
    width: number(4),
    height: number(5),
    createdAt: timeMs(6),
    /** The user whose avatar or header it is; 0 when it is none. */
    profile: reference(20, 'users'),
    /** The point that stays when it is cropped (media.ts): -1 to 1, and 0, 0 in the middle. */
    focusX: float(21),
    focusY: float(22),
  },
  record: {
    /** Name of the uploaded file as it came, which is kept and never served. */
    original: text(10, { sizeMax: 80 }),
    /** What it shows, for those who do not see it. */
    alt: text(30, { sizeMax: sizeMaxOf(TEXT_LIMITS.alt) }),
  },
  indexes: {
    byOwner: postings('owner'),
    waiting: postings('owner', { unless: ['post', 'profile'] }),
  },
})

export const files = defineTable({
  id: 7,
  name: 'files',
  columns: {
    size: number(1),
    /** Rows of `media` that show it. A file without any is out of this table, and not served. */
    uses: counter(2, { table: 'media', by: 'file' }),
  },
  record: {
    /** SHA-256 of its bytes in hexadecimal, and what it is: "….webp". */
    name: text(10, { sizeMax: 80 }),
    contentType: text(11, { sizeMax: 80 }),
  },
  indexes: { byName: unique('name') },
})

/** Asked of a private account, until it is granted (a row of `follows`) or refused. */
export const followRequests = defineTable({
  id: 8,
  name: 'followRequests',
  columns: {
    requester: reference(1, 'users'),
    target: reference(2, 'users'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('requester', 'target'),
    byTarget: postings('target'),
    byRequester: postings('requester'),
  },
})

export const blocks = defineTable({
  id: 9,
  name: 'blocks',
  columns: {
    blocker: reference(1, 'users'),
    blocked: reference(2, 'users'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('blocker', 'blocked'),
    byBlocker: postings('blocker'),
    byBlocked: postings('blocked'),
  },
})

export const mutes = defineTable({
  id: 10,
  name: 'mutes',
  columns: {
    muter: reference(1, 'users'),
    muted: reference(2, 'users'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('muter', 'muted'),
    byMuter: postings('muter'),
    byMuted: postings('muted'),
  },
})

export const bookmarks = defineTable({
  id: 11,
  name: 'bookmarks',
  columns: {
    user: reference(1, 'users'),
    post: reference(2, 'posts'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('user', 'post'),
    byUser: postings('user'),
    byPost: postings('post'),
  },
})

export const collections = defineTable({
  id: 12,
  name: 'collections',
  columns: {
    owner: reference(1, 'users'),
    createdAt: timeMs(2),
    items: counter(3, { table: 'collectionItems', by: 'collection' }),
    isPrivate: flag(4),
  },
  record: {
    name: text(10, { sizeMax: sizeMaxOf(TEXT_LIMITS.collection) }),
    description: text(11, { sizeMax: sizeMaxOf(TEXT_LIMITS.collectionDescription) }),
  },
  indexes: { byOwner: postings('owner') },
})

export const collectionItems = defineTable({
  id: 13,
  name: 'collectionItems',
  columns: {
    collection: reference(1, 'collections'),
    post: reference(2, 'posts'),
    createdAt: timeMs(3),
  },
  indexes: {
    byPair: pair('collection', 'post'),
    byCollection: postings('collection'),
    byPost: postings('post'),
  },
})

/** Posts that are being written, as their page left them. */
export const drafts = defineTable({
  id: 14,
  name: 'drafts',
  columns: { owner: reference(1, 'users'), createdAt: timeMs(2), updatedAt: timeMs(3) },
  record: { content: json(10) },
  indexes: { byOwner: postings('owner') },
})

/** What a post or comment said before it was edited. */
export const revisions = defineTable({
  id: 15,
  name: 'revisions',
  columns: {
    post: reference(1, 'posts'),
    /** When it was written, not when it was replaced. */
    createdAt: timeMs(2),
  },
  record: {
    caption: text(10, { sizeMax: sizeMaxOf(TEXT_LIMITS.caption) }),
    media: list<number>(11, { sizeMax: POST_MEDIA_COUNT_MAX }),
  },
  indexes: { byPost: postings('post') },
})

export const tags = defineTable({
  id: 16,
  name: 'tags',
  columns: { createdAt: timeMs(1), posts: counter(2, { table: 'taggings', by: 'tag' }) },
  record: {
    /** As it was first written. */
    name: text(10, { sizeMax: TAG_SIZE_MAX }),
    /** What it is found by (caption-tokens.ts). */
    key: text(11, { sizeMax: TAG_SIZE_MAX }),
  },
  indexes: { byKey: unique('key'), byWords: words('key') },
})

/** A row for each tag of a post that starts a thread, as long as that is not deleted. */
export const taggings = defineTable({
  id: 17,
  name: 'taggings',
  columns: { tag: reference(1, 'tags'), post: reference(2, 'posts') },
  indexes: { byTag: postings('tag'), byPost: postings('post') },
})

export const notifications = defineTable({
  id: 18,
  name: 'notifications',
  columns: {
    user: reference(1, 'users'),
    /** A position in NOTIFICATION_KINDS (notifications.ts). */
    kind: number(2),
    /** Who did it; 0 for the moderators, who are not named. */
    actor: reference(3, 'users'),
    /** What was liked, what answers or mentions, what was removed; 0 for none. */
    post: reference(4, 'posts'),
    createdAt: timeMs(5),
  },
  record: {
    /** What the moderators say. */
    text: text(10, { sizeMax: sizeMaxOf(TEXT_LIMITS.reason) }),
  },
  indexes: { byUser: postings('user'), byActor: postings('actor'), byPost: postings('post') },
})

/** How far somebody has read. */
export const markers = defineTable({
  id: 19,
  name: 'markers',
  columns: {
    user: reference(1, 'users'),
    /** The newest notification that was read. */
    notification: number(2),
  },
  indexes: { byUser: unique('user') },
})

export const reports = defineTable({
  id: 20,
  name: 'reports',
  columns: {
    reporter: reference(1, 'users'),
    /** Who is reported; with `post`, for that. */
    user: reference(2, 'users'),
    post: reference(3, 'posts'),
    createdAt: timeMs(4),
    /** A position in REPORT_STATES (reports.ts); never 0. */
    state: number(5),
    handledBy: reference(6, 'users'),
    handledAt: timeMs(7),
  },
  record: {
    /** One of REPORT_REASONS (reports.ts). */
    reason: text(10, { sizeMax: 40 }),
    comment: text(11, { sizeMax: sizeMaxOf(TEXT_LIMITS.reason) }),
    /** What was done, for the other moderators. */
    note: text(12, { sizeMax: sizeMaxOf(TEXT_LIMITS.reason) }),
  },
  indexes: {
    byState: postings('state'),
    byReporter: postings('reporter'),
    byUser: postings('user'),
    byPost: postings('post'),
  },
})

/** Words and tags that nobody may publish. */
export const blockedTerms = defineTable({
  id: 21,
  name: 'blockedTerms',
  columns: {
    /** A position in TERM_KINDS (blocked-terms.ts); never 0. */
    kind: number(1),
    createdAt: timeMs(2),
  },
  record: {
    /** Kind, a space, what it is matched by (blocked-terms.ts). */
    key: text(10, { sizeMax: 400 }),
  },
  indexes: { byKind: postings('kind'), byKey: unique('key') },
})

export const invites = defineTable({
  id: 22,
  name: 'invites',
  columns: {
    creator: reference(1, 'users'),
    createdAt: timeMs(2),
    expiresAt: timeMs(3),
    /** Accounts that it is good for. */
    usesMax: number(4),
    uses: number(5),
  },
  record: { codeHash: text(10, { sizeMax: 43 }) },
  indexes: { byCodeHash: unique('codeHash'), byCreator: postings('creator') },
})

/** What a link in a mail proves: that whoever comes with it reads that mailbox. */
export const mailTokens = defineTable({
  id: 23,
  name: 'mailTokens',
  columns: {
    user: reference(1, 'users'),
    createdAt: timeMs(2),
    expiresAt: timeMs(3),
    /** A position in MAIL_PURPOSES (mail-tokens.ts). */
    purpose: number(4),
  },
  record: {
    tokenHash: text(10, { sizeMax: 43 }),
    email: text(11, { sizeMax: EMAIL_SIZE_MAX }),
  },
  indexes: { byTokenHash: unique('tokenHash'), byUser: postings('user') },
})

/** What is to be done outside of the store, written in the transaction that wants it. */
export const jobs = defineTable({
  id: 24,
  name: 'jobs',
  columns: {
    createdAt: timeMs(1),
    /** Not before this time. */
    runAt: timeMs(2),
    /** A position in JOB_STATES (jobs.ts); never 0. */
    state: number(3),
    attempts: number(4),
    /** For whom; 0 for nobody in particular. */
    user: reference(5, 'users'),
    finishedAt: timeMs(6),
  },
  record: {
    kind: text(10, { sizeMax: 40 }),
    input: json(11),
    lastError: text(12, { sizeMax: 2000 }),
    /** What came of it. */
    output: json(13),
  },
  indexes: { byState: postings('state'), byUser: postings('user') },
})

/** Who a user is elsewhere: log-ins by OpenID Connect. */
export const identities = defineTable({
  id: 25,
  name: 'identities',
  columns: {
    user: reference(1, 'users'),
    createdAt: timeMs(2),
    /** When the log-in began that last used it: none is good twice. */
    usedAt: timeMs(3),
  },
  record: {
    /** Issuer, a space, subject. */
    key: text(10, { sizeMax: 800 }),
  },
  indexes: { byKey: unique('key'), byUser: postings('user') },
})

/** What admins have set; one row. */
export const settings = defineTable({
  id: 26,
  name: 'settings',
  columns: { changedAt: timeMs(1) },
  record: { values: json(10) },
})

export const tables = [
  users,
  sessions,
  posts,
  follows,
  likes,
  media,
  files,
  followRequests,
  blocks,
  mutes,
  bookmarks,
  collections,
  collectionItems,
  drafts,
  revisions,
  tags,
  taggings,
  notifications,
  markers,
  reports,
  blockedTerms,
  invites,
  mailTokens,
  jobs,
  identities,
  settings,
] as const
