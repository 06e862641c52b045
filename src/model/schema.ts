// The tables of the network. Table, column and field ids are in the log and in every snapshot:
// never changed, never reused. What a later part of the network needs is added then; adding a
// field, an index or a table is free.
//
//   users ◀── sessions                       posts ──parent──▶ posts (a comment is a post
//     ▲ ▲ ▲                                    ▲  └──root────▶ posts  with a parent and a root)
//     │ │ └── follows (follower, followee)     │
//     │ └──── likes (user, post) ──────────────┤
//     └────── media (owner, post) ─────────────┘
//               └──file──▶ files               one row for each stored file, whoever uploaded it
//
// The life of a post or comment, as columns:
//
//   STATE      deletedAt  isGone  LISTED BY             TEXT AND PHOTOS
//   live       0          false   author, thread, replies   there
//   tombstone  time       false   thread, replies           erased: live comments hang below it
//   gone       time       true    nothing                   erased
//
// A post that starts a thread is never a tombstone: deleted, it is gone, and its whole thread is
// out of sight, because everything that shows a comment looks at its root first.

import { counter, defineTable, flag, list, number } from '../engine/schema.ts'
import { pair, postings, reference, text, timeMs, unique } from '../engine/schema.ts'
import { HANDLE_SIZE_MAX, POST_MEDIA_COUNT_MAX, TEXT_LIMITS, sizeMaxOf } from './limits.ts'

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
  },
  indexes: { byHandle: unique('handleKey') },
})

export const sessions = defineTable({
  id: 2,
  name: 'sessions',
  columns: { user: reference(1, 'users'), createdAt: timeMs(2) },
  record: {
    /** SHA-256 of the token, in base64url: whoever reads the store cannot log in. */
    tokenHash: text(10, { sizeMax: 43 }),
  },
  indexes: { byTokenHash: unique('tokenHash') },
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
  },
  record: {
    /** The text of a comment, too. */
    caption: text(10, { sizeMax: sizeMaxOf(TEXT_LIMITS.caption) }),
    /** Rows of `media`, in the order of the album. */
    media: list<number>(11, { sizeMax: POST_MEDIA_COUNT_MAX }),
  },
  indexes: {
    byAuthor: postings('author', { unless: ['parent', 'isGone'] }),
    thread: postings('root', { unless: ['isGone'] }),
    replies: postings('parent', { unless: ['isGone'] }),
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
  },
  record: {
    /** Name of the uploaded file as it came, which is kept and never served. */
    original: text(10, { sizeMax: 80 }),
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

export const tables = [users, sessions, posts, follows, likes, media, files] as const
