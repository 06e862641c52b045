// Every way to write: the transactions of the network by name. The names are labels in the log, and
// what a caller anywhere (this thread or another) says to have one run.

import { blockTerm, unblockTerm } from './blocked-terms.ts'
import { deleteAccount, eraseStep } from './account-deletion.ts'
import { beginDownload, requestExport } from './account-export.ts'
import { block, unblock } from './blocks.ts'
import { addBookmark, removeBookmark } from './bookmarks.ts'
import {
  collectPost,
  createCollection,
  deleteCollection,
  editCollection,
  uncollectPost,
} from './collections.ts'
import { publishComment } from './comments.ts'
import { createDraft, deleteDraft, publishDraft, saveDraft } from './drafts.ts'
import { editPost } from './edits.ts'
import { changeEmail, confirmEmail } from './emails.ts'
import { grantFollow, refuseFollow } from './follow-requests.ts'
import { follow, removeFollower, unfollow } from './follows.ts'
import { enterByIdentity, linkIdentity, logInByIdentity, removeIdentity } from './identities.ts'
import { changeInstanceSettings } from './instance-settings.ts'
import { createInvite, removeInvite } from './invites.ts'
import { like, unlike } from './likes.ts'
import { createMedia, deleteMedia, editMedia } from './media.ts'
import { liftRemoval, liftSuspension, removePost, suspendUser } from './moderation.ts'
import { mute, unmute } from './mutes.ts'
import { readNotifications } from './notifications.ts'
import { changePassword, requestPasswordReset, resetPassword, setPassword } from './passwords.ts'
import { deletePost } from './posts.ts'
import { publishPost } from './publishing.ts'
import { fileReport, handleReport } from './reports.ts'
import { updateProfile } from './profiles.ts'
import {
  beginSecondFactor,
  renewRecoveryCodes,
  turnOffSecondFactor,
  turnOnSecondFactor,
} from './second-factor.ts'
import {
  createAccessToken,
  endLogIn,
  endOtherLogIns,
  logIn,
  logOut,
  removeAccessToken,
  seeSession,
} from './sessions.ts'
import { createUser, signUp } from './sign-up.ts'
import { setRole } from './users.ts'
import type { Registry } from '../engine/store.ts'

export const transactions = {
  changeInstanceSettings,
  createInvite,
  removeInvite,
  signUp,
  createUser,
  updateProfile,
  setRole,
  logIn,
  logOut,
  seeSession,
  endLogIn,
  endOtherLogIns,
  createAccessToken,
  removeAccessToken,
  changePassword,
  setPassword,
  requestPasswordReset,
  resetPassword,
  changeEmail,
  confirmEmail,
  beginSecondFactor,
  turnOnSecondFactor,
  turnOffSecondFactor,
  renewRecoveryCodes,
  enterByIdentity,
  logInByIdentity,
  linkIdentity,
  removeIdentity,
  deleteAccount,
  eraseStep,
  requestExport,
  beginDownload,
  follow,
  unfollow,
  removeFollower,
  grantFollow,
  refuseFollow,
  block,
  unblock,
  mute,
  unmute,
  createMedia,
  editMedia,
  deleteMedia,
  createDraft,
  saveDraft,
  deleteDraft,
  publishDraft,
  publishPost,
  editPost,
  publishComment,
  deletePost,
  like,
  unlike,
  addBookmark,
  removeBookmark,
  createCollection,
  editCollection,
  deleteCollection,
  collectPost,
  uncollectPost,
  readNotifications,
  fileReport,
  handleReport,
  suspendUser,
  liftSuspension,
  removePost,
  liftRemoval,
  blockTerm,
  unblockTerm,
} as const satisfies Registry
