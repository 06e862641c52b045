// Check: what the rules of the network say about its rows, and no index or counter can. One
// sentence for each row that contradicts them.
//
//   posts        (1) a comment has a parent and a root, lies one deeper than its parent, and in the
//                same thread; a post has neither; (2) what is deleted says nothing and shows
//                nothing; (3) what is gone has been deleted, and nothing in its thread is below it;
//                (4) its photos are its author's, and each knows that it is shown there
//   photos       (5) are shown in one place at most, which knows it; (6) have a file
//   files, tags  (7) are there for somebody
//   taggings     (8) are of posts that start a thread and are not deleted
//   people       (9) neither follow nor ask to follow themselves or across a block; (10) ask only
//                private accounts, and only those that they do not follow; (11) when deleted, can
//                no longer log in; (12) are found by the address that they have confirmed, and by
//                no other
//   invites      (13) are used as often as they may be, at most
//   the rest     of notifications and moderation is in moderation-check.ts

import { checkModeration } from './moderation-check.ts'
import { collections, collectionItems, files, followRequests, follows, media } from './schema.ts'
import { invites, posts, sessions, taggings, tags, users } from './schema.ts'
import { isBlockBetween, isFollower } from './visibility.ts'
import type { AnyTable, View } from '../engine/view.ts'
import type { Row } from '../engine/schema.ts'

const SENTENCES_MAX = 100

type Report = (sentence: string) => void

/** Sentences about what is wrong, at most 100; empty when all is well. */
export function checkNetwork(
  view: View,
  progress: (done: number, total: number) => void = () => {},
): string[] {
  const sentences: string[] = []
  const report = (sentence: string): void => {
    if (sentences.length < SENTENCES_MAX) sentences.push(sentence)
  }
  for (const [index, check] of CHECKS.entries()) {
    progress(index, CHECKS.length)
    check(view, report)
  }
  return sentences
}

function checkPosts(view: View, report: Report): void {
  eachRow(view, posts, (post) => {
    const say: Report = (fault) => report(`post ${post.id} ${fault}`)
    if (post.parent === 0 || post.root === 0) {
      if (post.parent !== post.root) say(`has parent ${post.parent} and root ${post.root}`)
      if (post.depth !== 0) say(`starts a thread at depth ${post.depth}`)
    } else {
      const root = view.value(posts, post.parent, 'root') || post.parent
      if (root !== post.root) say(`has root ${post.root}, its parent ${root}`)
      const depth = view.value(posts, post.parent, 'depth') + 1
      if (post.depth !== depth) say(`has depth ${post.depth} instead of ${depth}`)
    }
    if (post.deletedAt !== 0 && (post.caption !== '' || post.media.length > 0)) {
      say('is deleted and still says or shows something')
    }
    if (post.isGone && post.deletedAt === 0) say('is gone and was not deleted')
    if (post.isGone && post.root !== 0 && post.replies > 0) {
      say(`is gone, and ${post.replies} answers hang below it`)
    }
    for (const id of post.media) {
      const photo = view.get(media, id)
      if (photo?.owner !== post.author) say(`shows photo ${id}, which is not its author's`)
      else if (photo.post !== post.id) say(`shows photo ${id}, which is said to be elsewhere`)
    }
  })
}

function checkMedia(view: View, report: Report): void {
  eachRow(view, media, (photo) => {
    const say: Report = (fault) => report(`photo ${photo.id} ${fault}`)
    if (photo.post !== 0 && photo.profile !== 0) say('is in a post and in a profile')
    if (photo.post !== 0 && !view.get(posts, photo.post)?.media.includes(photo.id)) {
      say(`is said to be in post ${photo.post}, which does not show it`)
    }
    const profile = photo.profile === 0 ? undefined : view.get(users, photo.profile)
    if (photo.profile !== 0 && profile?.avatar !== photo.id && profile?.header !== photo.id) {
      say(`is said to be in the profile of user ${photo.profile}, which does not show it`)
    }
    if (!view.has(files, photo.file)) say(`has file ${photo.file}, which is not there`)
  })
  eachRow(view, users, ({ id, avatar, header }) => {
    for (const photo of [avatar, header]) {
      if (photo === 0 || view.value(media, photo, 'profile') === id) continue
      report(`user ${id} shows photo ${photo}, which is said to be elsewhere`)
    }
  })
  eachRow(view, files, ({ id, uses }) => {
    if (uses === 0) report(`file ${id} is shown by no photo`)
  })
}

function checkTags(view: View, report: Report): void {
  eachRow(view, tags, ({ id, posts: count }) => {
    if (count === 0) report(`tag ${id} is that of no post`)
  })
  eachRow(view, taggings, ({ id, tag, post }) => {
    const isRoot = view.has(posts, post) && view.value(posts, post, 'root') === 0
    if (!isRoot || view.value(posts, post, 'deletedAt') !== 0) {
      report(`tagging ${id} is of post ${post}, which cannot have tags`)
    }
    if (!view.has(tags, tag)) report(`tagging ${id} is of tag ${tag}, which is not there`)
  })
  eachRow(view, collectionItems, ({ id, collection }) => {
    if (view.has(collections, collection)) return
    report(`collection item ${id} is of collection ${collection}, which is not there`)
  })
}

function checkPeople(view: View, report: Report): void {
  eachRow(view, follows, ({ id, follower, followee }) => {
    if (follower === followee) report(`follow ${id} is of user ${follower} by itself`)
    if (isBlockBetween(view, follower, followee)) {
      report(`follow ${id} goes across a block between users ${follower} and ${followee}`)
    }
  })
  eachRow(view, followRequests, ({ id, requester, target }) => {
    const say: Report = (fault) => report(`follow request ${id} ${fault}`)
    if (requester === target) say(`is of user ${target} by itself`)
    if (isBlockBetween(view, requester, target)) say('goes across a block')
    if (view.value(users, target, 'isPrivate') === 0) say(`asks user ${target}, who is public`)
    if (isFollower(view, requester, target)) say(`asks user ${target}, who is followed already`)
  })
  eachRow(view, sessions, ({ id, user }) => {
    if (view.has(users, user) && view.value(users, user, 'deletedAt') === 0) return
    report(`session ${id} is of user ${user}, who is not there`)
  })
}

function checkAccounts(view: View, report: Report): void {
  eachRow(view, users, ({ id, email, emailKey, emailConfirmedAt }) => {
    const expected = emailConfirmedAt === 0 ? '' : email.toLowerCase()
    if (emailKey === expected) return
    report(`user ${id} is found by the address "${emailKey}" instead of "${expected}"`)
  })
  eachRow(view, invites, ({ id, uses, usesMax }) => {
    if (uses > usesMax) report(`invite ${id} was used ${uses} times and is good for ${usesMax}`)
  })
}

const CHECKS: readonly ((view: View, report: Report) => void)[] = [
  checkPosts,
  checkMedia,
  checkTags,
  checkPeople,
  checkAccounts,
  checkModeration,
]

function eachRow<T extends AnyTable>(view: View, table: T, visit: (row: Row<T>) => void): void {
  const lastId = view.lastId(table)
  for (let id = 1; id <= lastId; id++) {
    const row = view.get(table, id)
    if (row !== undefined) visit(row)
  }
}
