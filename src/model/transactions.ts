// Every way to write: the transactions of the network by name. The names are labels in the log, and
// what a caller anywhere (this thread or another) says to have one run.

import { publishComment } from './comments.ts'
import { follow, unfollow } from './follows.ts'
import { like, unlike } from './likes.ts'
import { createMedia } from './media.ts'
import { deletePost, publishPost } from './posts.ts'
import { logIn, logOut } from './sessions.ts'
import { setRole, signUp, updateProfile } from './users.ts'
import type { Registry } from '../engine/store.ts'

export const transactions = {
  signUp,
  updateProfile,
  setRole,
  logIn,
  logOut,
  follow,
  unfollow,
  createMedia,
  publishPost,
  publishComment,
  deletePost,
  like,
  unlike,
} as const satisfies Registry
