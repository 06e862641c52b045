// `shashin user`: accounts, for the operator, while no server has the store open: make one in
// whatever mode of sign-up, set a password, list them.
//
// A password is read from a file or from standard input, never from the command line, which every
// user of the machine can see. Without either, one is made up and written to standard output, once.

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { Passwords } from '../api/passwords.ts'
import { ConfigError, addSettings, resolveSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { TablesView } from '../engine/view.ts'
import { Refusal } from '../model/refusal.ts'
import { users } from '../model/schema.ts'
import { demandHandle, demandPassword, roleOf, userOfHandle } from '../model/users.ts'
import { demandStore, openNetwork, withState } from './store.ts'
import { say } from './terminal.ts'
import type { Command } from 'commander'
import type { Settings } from '../config.ts'
import type { Network } from './store.ts'

const ACTIONS = ['create', 'set-password', 'list'] as const
type Action = (typeof ACTIONS)[number]

/** Bytes of a password that is made up. */
const PASSWORD_SIZE = 15

interface Options {
  readonly admin?: true
  readonly passwordFile?: string
  readonly json?: true
}

interface Account {
  readonly id: number
  readonly handle: string
  readonly role: string
  readonly createdAt: string
  readonly isSuspended: boolean
}

export function addUser(program: Command): void {
  const command = addSettings(program.command('user'), 'user')
    .description('make an account, set a password, or list accounts; without a running server')
    .argument('<action>', 'create HANDLE, set-password HANDLE, or list')
    .argument('[handle]', 'of the account')
    .option('--admin', 'create: an admin')
    .option('--password-file <file>', 'read the password there; "-" is standard input')
    .option('--json', 'list: as JSON lines')
  command.action(async (given: string, handle: string | undefined, options: Options) => {
    const settings = resolveSettings(command, 'user', process.env)
    const action = actionOf(given, handle, options)
    try {
      if (action === 'list') await list(settings, options)
      else if (action === 'create') await create(settings, handle!, options)
      else await setPassword(settings, handle!, options)
    } catch (error) {
      // What the network does not accept was a mistake of whoever gave it.
      if (error instanceof Refusal) throw mistake(error.message)
      throw error
    }
  })
}

/** Throws ConfigError at what does not go together. */
function actionOf(given: string, handle: string | undefined, options: Options): Action {
  const action = ACTIONS.find((each) => each === given)
  if (action === undefined) {
    throw mistake(`There is no "user ${given}": it takes create, set-password or list.`)
  }
  if ((action === 'list') !== (handle === undefined)) {
    throw mistake(
      action === 'list'
        ? `"user list" takes no handle, but was given "${handle}".`
        : `"user ${action}" takes the handle of an account.`,
    )
  }
  const misplaced = [
    ...(options.admin === true && action !== 'create' ? ['--admin'] : []),
    ...(options.passwordFile !== undefined && action === 'list' ? ['--password-file'] : []),
    ...(options.json === true && action !== 'list' ? ['--json'] : []),
  ]
  if (misplaced.length > 0) throw mistake(`"user ${action}" takes no ${misplaced.join(', ')}.`)
  return action
}

async function create(settings: Settings, handle: string, options: Options): Promise<void> {
  const password = await passwordOf(options)
  await using store = await openNetwork(withoutSnapshots(settings))
  await store.read((view) => demandHandle(view, handle))
  const passwordHash = await new Passwords().hash(password)
  const role = options.admin === true ? 'admin' : 'user'
  await store.transact('createUser', { handle, passwordHash, role })
  say(`the account ${handle} is made${role === 'admin' ? ', and is an admin' : ''}`)
  tellPassword(password, options)
}

async function setPassword(settings: Settings, handle: string, options: Options): Promise<void> {
  const password = await passwordOf(options)
  await demandStore(new NodeDisk(), settings)
  await using store = await openNetwork(withoutSnapshots(settings))
  const user = await userOf(store, handle)
  const passwordHash = await new Passwords().hash(password)
  await store.transact('setPassword', { user, passwordHash })
  say(`the account ${handle} has another password, and is logged in nowhere`)
  tellPassword(password, options)
}

async function list(settings: Settings, { json }: Options): Promise<void> {
  await withState(settings, async ({ tables }) => {
    const view = new TablesView(tables)
    for (let id = 1; id <= view.lastId(users); id++) {
      const row = view.get(users, id)
      if (row === undefined || row.deletedAt !== 0) continue
      const account: Account = {
        id,
        handle: row.handle,
        role: roleOf(view, id),
        createdAt: new Date(row.createdAt).toISOString(),
        isSuspended: row.suspendedAt !== 0,
      }
      process.stdout.write(`${json === true ? JSON.stringify(account) : shown(account)}\n`)
    }
  })
}

function shown({ handle, role, createdAt, isSuspended }: Account): string {
  const state = isSuspended ? '  suspended' : ''
  return `${handle.padEnd(30)}  ${role.padEnd(9)}  ${createdAt.slice(0, 10)}${state}`
}

async function userOf(store: Network, handle: string): Promise<number> {
  const user = await store.read((view) => userOfHandle(view, handle))
  if (user === 0) throw mistake(`There is no user ${handle}.`)
  return user
}

/** Refuses with PASSWORD_UNFIT. */
async function passwordOf({ passwordFile }: Options): Promise<string> {
  if (passwordFile === undefined) return randomBytes(PASSWORD_SIZE).toString('base64url')
  const given = passwordFile === '-' ? textOf(process.stdin) : readFile(passwordFile, 'utf8')
  const password = (await given).replace(/\r?\n$/, '')
  demandPassword(password)
  return password
}

function tellPassword(password: string, { passwordFile }: Options): void {
  if (passwordFile === undefined) process.stdout.write(`${password}\n`)
}

/** For one transaction none is taken, and no segment goes. */
function withoutSnapshots(settings: Settings): Settings {
  return { ...settings, snapshotEvery: { growthSize: undefined, periodMs: undefined } }
}

function mistake(sentence: string): ConfigError {
  return new ConfigError('COMMAND_LINE_INVALID', sentence)
}
