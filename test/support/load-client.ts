// A client in a process of its own that keeps a server busy and keeps a book: every write that was
// acknowledged, and every one whose answer never came because the server was killed. Asked to, it
// compares a restarted server with its book, over HTTP. Whoever kills servers starts it with
// `fork`.
//
//   parent ──▶ { load: url }     six at once write, until the connection breaks
//          ◀── { acked: n, … }   after each acknowledged write
//          ◀── { uploading: …}   a photo is under way, half or whole, and its answer is not
//          ◀── { broken: true }  nobody is at work any more
//   parent ──▶ { verify: url }
//          ◀── { verified: … }   sentences about what is wrong, and what was looked at
//
// What an unanswered write may have done: everything or nothing. A comment carries an idempotency
// key, so it is sent again, and must be there once; a like is looked up; a user can log in or does
// not exist.

import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { PREFIX } from '../../src/api/app.ts'
import { cameraJpeg, formOf } from './pictures.ts'
import { Random } from '../../src/std/random.ts'

export type ToClient =
  | { readonly load: string; readonly upload: Upload }
  | { readonly verify: string }
/** Which part of a photo is sent before the client waits for its end. */
export type Upload = 'none' | 'half' | 'whole'
export interface Verified {
  readonly problems: readonly string[]
  readonly users: number
  readonly posts: number
  readonly comments: number
  readonly likes: number
  /** Writes without an answer so far. */
  readonly unanswered: number
}
export type FromClient =
  | { readonly acked: number; readonly posts: number }
  | { readonly uploading: Upload }
  | { readonly broken: true }
  | { readonly verified: Verified }

const WORKER_COUNT = 6
/** Only the first users and posts take part in likes, so that all pairs can be looked up. */
const LIKING_COUNT = 5

interface User {
  readonly handle: string
  readonly password: string
  /** Undefined as long as no answer to the sign-up has come. */
  token: string | undefined
}
interface Post {
  readonly id: string
  readonly author: User
  readonly mediaUrl: string
}
interface Comment {
  readonly post: Post
  readonly parent: string
  readonly author: User
  readonly text: string
  id: string | undefined
}
interface Like {
  readonly user: User
  readonly post: Post
  isLiked: boolean | 'unknown'
  isBusy: boolean
}
interface Answer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- what it holds is compared, not typed
  readonly body: any
}

const random = new Random(Number(process.argv[2]))
const users: User[] = []
const posts: Post[] = []
const comments: Comment[] = []
const likes = new Map<string, Like>()
const problems: string[] = []
let url = ''
let ackedCount = 0
let unansweredCount = 0
let uploadCount = 0

/** The connection broke before the answer: the write may have happened or not. */
class Unanswered extends Error {}

function tell(message: FromClient): void {
  process.send!(message)
}

async function call(
  method: string,
  path: string,
  user?: User,
  body?: unknown,
  key?: string,
): Promise<Answer> {
  const headers = new Headers()
  if (user?.token !== undefined) headers.set('authorization', `Bearer ${user.token}`)
  if (body !== undefined) headers.set('content-type', 'application/json')
  if (key !== undefined) headers.set('idempotency-key', key)
  try {
    const response = await fetch(url + PREFIX + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  } catch (error) {
    throw new Unanswered(method, { cause: error })
  }
}

/** Counts an acknowledged write; any other answer is a problem. */
function acknowledge(what: string, expected: number, { status, body }: Answer): boolean {
  if (status !== expected) {
    problems.push(`${what}: ${status} ${JSON.stringify(body)}`)
    return false
  }
  tell({ acked: ++ackedCount, posts: posts.length })
  return true
}

async function signUp(): Promise<User | undefined> {
  const handle = `user_${users.length + 1}`
  const user: User = { handle, password: `password of ${handle}`, token: undefined }
  users.push(user)
  const answer = await call('POST', '/users', undefined, { handle, password: user.password })
  if (!acknowledge(`sign-up of ${handle}`, 201, answer)) return undefined
  user.token = answer.body.token
  return user
}

/**
 * Sends a photo, in two pieces when `pause` says after how much of it the client waits for ever.
 */
async function upload(user: User, pause: Upload): Promise<Answer> {
  // Each one is different: equal bytes would be one file.
  const form = formOf(await cameraJpeg(80 + ++uploadCount, 60))
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new Unanswered('upload', { cause: error }))
    const headers = {
      ...form.headers,
      'content-length': form.payload.length,
      authorization: `Bearer ${user.token}`,
    }
    const sending = request(
      `${url}${PREFIX}/media`,
      { method: 'POST', headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', fail)
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            body: JSON.parse(Buffer.concat(chunks).toString()),
          }),
        )
      },
    )
    sending.on('error', fail)
    if (pause === 'half') {
      sending.write(form.payload.subarray(0, form.payload.length / 2), () =>
        tell({ uploading: pause }),
      )
    } else {
      sending.end(form.payload, () => pause === 'whole' && tell({ uploading: pause }))
    }
  })
}

async function publish(user: User): Promise<void> {
  const photo = await upload(user, 'none')
  if (!acknowledge('upload', 201, photo)) return
  const body = { caption: `Post ${posts.length + 1}`, media: [photo.body.id] }
  const answer = await call('POST', '/posts', user, body)
  if (!acknowledge('post', 201, answer)) return
  posts.push({ id: answer.body.id, author: user, mediaUrl: photo.body.url })
}

async function sendComment(comment: Comment): Promise<void> {
  const { post, parent, author, text } = comment
  const body = { text, ...(parent === post.id ? {} : { parent }) }
  const answer = await call(
    'POST',
    `/posts/${post.id}/comments`,
    author,
    body,
    text.replaceAll(' ', '-'),
  )
  if (acknowledge(text, 201, answer)) comment.id = answer.body.id
}

async function comment(user: User): Promise<void> {
  const post = random.pick(posts)
  const first = comments.find((each) => each.post === post && each.id !== undefined)?.id
  const parent = first !== undefined && random.once(4) ? first : post.id
  const made: Comment = {
    post,
    parent,
    author: user,
    text: `comment ${comments.length + 1}`,
    id: undefined,
  }
  comments.push(made)
  await sendComment(made)
}

async function toggleLike(): Promise<void> {
  const user = random.pick(users.slice(0, LIKING_COUNT))
  const post = random.pick(posts.slice(0, LIKING_COUNT))
  if (user.token === undefined) return
  const name = `${user.handle} ${post.id}`
  const like = likes.get(name) ?? { user, post, isLiked: false, isBusy: false }
  likes.set(name, like)
  // One at a time: of two at once nobody could say which came last.
  if (like.isBusy || like.isLiked === 'unknown') return
  like.isBusy = true
  const wanted = !like.isLiked
  like.isLiked = 'unknown'
  const answer = await call(wanted ? 'PUT' : 'DELETE', `/posts/${post.id}/like`, user)
  if (acknowledge(`like of ${name}`, 200, answer)) {
    like.isLiked = wanted
    if (answer.body.viewer.liked !== wanted) problems.push(`like of ${name}: the answer denies it`)
  }
  like.isBusy = false
}

/** Works until the connection breaks. */
async function work(first: () => Promise<unknown>): Promise<void> {
  try {
    await first()
    for (;;) {
      const known = users.filter(({ token }) => token !== undefined)
      if (known.length === 0 || posts.length === 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
      else if (random.once(2)) await comment(random.pick(known))
      else await toggleLike()
    }
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    unansweredCount++
  }
}

async function load(pause: Upload): Promise<void> {
  const arrive = async (): Promise<void> => {
    const user = users.find(({ token }) => token !== undefined)
    if (pause !== 'none' && user !== undefined) {
      // The answer of a half-sent photo never comes, and its worker waits for the end with it.
      if (acknowledge('upload', 201, await upload(user, pause))) return
    }
    const arrived = await signUp()
    if (arrived !== undefined) await publish(arrived)
  }
  await Promise.all(
    Array.from({ length: WORKER_COUNT }, (_, index) =>
      work(index === 0 ? arrive : async () => undefined),
    ),
  )
  for (const like of likes.values()) like.isBusy = false
  tell({ broken: true })
}

async function verify(): Promise<Verified> {
  const known = users.slice()
  for (const user of known) await verifyUser(user)
  for (const each of comments) if (each.id === undefined) await sendComment(each)
  for (const post of posts) await verifyPost(post)
  for (const like of likes.values()) await verifyLike(like)
  for (const post of posts) await verifyLikeCount(post)
  return {
    problems,
    users: users.length,
    posts: posts.length,
    comments: comments.length,
    likes: [...likes.values()].filter(({ isLiked }) => isLiked === true).length,
    unanswered: unansweredCount,
  }
}

async function verifyUser(user: User): Promise<void> {
  const { handle, password } = user
  const shown = await call('GET', `/users/${handle}`)
  if (user.token === undefined) {
    // Not there, or whole.
    if (shown.status === 404) return void users.splice(users.indexOf(user), 1)
    const entered = await call('POST', '/sessions', undefined, { handle, password })
    if (entered.status !== 201) problems.push(`${handle} is there but cannot log in`)
    else user.token = entered.body.token
  }
  const me = await call('GET', '/me', user)
  if (shown.status !== 200 || shown.body.handle !== handle) problems.push(`${handle} is lost`)
  if (me.status !== 200 || me.body.handle !== handle)
    problems.push(`the session of ${handle} is lost`)
}

async function verifyPost(post: Post): Promise<void> {
  const shown = await call('GET', `/posts/${post.id}`)
  if (shown.status !== 200) return void problems.push(`post ${post.id} is lost`)
  const expected = new Map(
    comments.filter((each) => each.post === post).map((each) => [each.text, each]),
  )
  if (shown.body.comments !== expected.size) {
    problems.push(
      `post ${post.id} counts ${shown.body.comments} comments, expected ${expected.size}`,
    )
  }
  const found = await threadOf(post, post.id)
  for (const { id, text, parent, author } of found) {
    const each = expected.get(text)
    if (!expected.delete(text)) problems.push(`"${text}" is there twice, or was never sent`)
    else if (each!.id !== id || each!.parent !== parent || each!.author.handle !== author.handle) {
      problems.push(`"${text}" is not what was sent`)
    }
  }
  for (const text of expected.keys()) problems.push(`"${text}" is lost`)
  const photo = await fetch(url + post.mediaUrl)
  const hash = createHash('sha256')
    .update(Buffer.from(await photo.arrayBuffer()))
    .digest('hex')
  if (!post.mediaUrl.includes(hash))
    problems.push(`the photo of post ${post.id} is not what it was`)
}

/** All comments below `parent`. */
async function threadOf(post: Post, parent: string): Promise<Answer['body'][]> {
  const found: Answer['body'][] = []
  let cursor = ''
  for (;;) {
    const { status, body } = await call(
      'GET',
      `/posts/${post.id}/comments?limit=50&parent=${parent}${cursor}`,
    )
    if (status !== 200) throw new Error(`thread ${post.id}: ${status} ${JSON.stringify(body)}`)
    for (const item of body.items) {
      found.push(item)
      if (item.child_count > 0) found.push(...(await threadOf(post, item.id)))
    }
    if (body.next === null) return found
    cursor = `&cursor=${body.next}`
  }
}

async function verifyLike(like: Like): Promise<void> {
  const { user, post, isLiked } = like
  const { status, body } = await call('GET', `/posts/${post.id}`, user)
  const found = status === 200 ? (body.viewer.liked as boolean) : `status ${status}`
  if (isLiked !== 'unknown' && found !== isLiked) {
    problems.push(
      `${user.handle} and post ${post.id}: liked is ${found}, acknowledged was ${isLiked}`,
    )
  }
  like.isLiked = found === true
}

async function verifyLikeCount(post: Post): Promise<void> {
  const { body } = await call('GET', `/posts/${post.id}`)
  const count = [...likes.values()].filter(
    (like) => like.post === post && like.isLiked === true,
  ).length
  if (body.likes !== count)
    problems.push(`post ${post.id} counts ${body.likes} likes, expected ${count}`)
}

process.on('message', (message: ToClient) => {
  if ('load' in message) {
    url = message.load
    void load(message.upload)
  } else {
    url = message.verify
    void verify().then((verified) => tell({ verified }))
  }
})
// Never alone: when its parent has gone, so is its work.
process.on('disconnect', () => process.exit(0))
