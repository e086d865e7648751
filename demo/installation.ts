import { writeFileSync } from 'node:fs'
import { EmbeddedBroker } from '../src/embedded/broker.js'
import { requireFreePort } from '../src/embedded/free-port.js'
import { requireFolderHiding } from '../src/embedded/hide-folder.js'
import { EmbeddedPostgres } from '../src/embedded/postgres.js'
import type { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { requireSandbox } from '../src/embedded/sandbox.js'
import { rolesOfTokens, signPolicy, signRoot, specifyRoot, type RootSpec, type TokenKeys } from './ceremony.js'
import type { Folders } from './folders.js'
import { gatherPeople, type People } from './people.js'
import type { Person } from './person.js'
import { product, type Product } from './product.js'
import { startServer } from './server-process.js'
import { SignerProcess } from './signer-process.js'
import type { Story } from './story.js'

export interface InstallationOptions {
  readonly folders: Folders
  readonly supervisor: ProcessSupervisor
  readonly story: Story
  readonly withSandbox: boolean
  /** The policy lets SWUpdate, RAUC and Zephyr in. */
  readonly withDdi?: boolean
  /** Default: any free one. */
  readonly port?: number
}

/** The whole system on this machine, after its first ceremony. */
export interface Installation {
  readonly product: Product
  readonly folders: Folders
  readonly url: string
  readonly broker: EmbeddedBroker
  readonly people: People
  readonly tokenKeys: TokenKeys
  readonly rootSpec: RootSpec
  readonly release: SignerProcess
  readonly online: SignerProcess
  readonly rootFile: string
}

/** Where a system answers and who works with it: all that the main job needs, however the system was brought up. */
export type Access = Pick<Installation, 'url' | 'people'>

/** Brings up every process on embedded defaults and holds the first ceremony: keys, root 1, policy 1, KRL 1. */
export async function install(options: InstallationOptions): Promise<Installation> {
  const { folders, supervisor, story, withSandbox } = options
  // What would fail in a minute fails now.
  if (options.port !== undefined) await requireFreePort(options.port)
  if (withSandbox) {
    await requireSandbox()
    await requireFolderHiding()
  }
  const now = Math.floor(Date.now() / 1_000)
  const { launch } = supervisor
  const [postgres, broker, people, release, online] = await Promise.all([
    EmbeddedPostgres.start({ folder: folders.path('postgres'), launch }),
    EmbeddedBroker.start({ folder: folders.path('broker'), launch }),
    gatherPeople(folders.keys),
    SignerProcess.prepare('release', folders, product.namespace),
    SignerProcess.prepare('online', folders, product.namespace),
  ])
  story.tell('PostgreSQL and the broker are up; two tokens are made; every person has a key of their own')
  const releaseKeys = await release.generateKeys(rolesOfTokens.release)
  const tokenKeys = [...releaseKeys, ...(await online.generateKeys(rolesOfTokens.online))]
  story.tell(`${tokenKeys.length} keys are made inside the tokens; only public halves came out`)
  const rootSpec = specifyRoot(people, tokenKeys, now)
  const rootFile = await signRoot(folders, product, people, rootSpec, now)
  const policyFile = await signPolicy(folders, product, people, now, options.withDdi)
  story.tell('root 1 is signed by two of three holders, policy 1 by two people')
  await release.start(supervisor, withSandbox)
  await online.start(supervisor, withSandbox)
  story.tell(
    withSandbox ? 'both signers are up, each in a sandbox without a network' : 'both signers are up WITHOUT A SANDBOX',
  )
  await postgres.createDatabase('countersign')
  const parts = { folders, product, postgres, broker, release, online }
  const port = options.port === undefined ? {} : { port: options.port }
  const { url, firstToken } = await startServer(supervisor, { ...parts, ...port }, withSandbox)
  story.tell(`the server answers at ${url}; people's keys are hidden from its process`)
  await logEverybodyIn(people, url, rootFile, firstToken)
  await people.security[0].run('trust', 'push', '--policy', policyFile)
  await signFirstKrl(people)
  story.tell('policy 1 is held by the signer; KRL 1 is signed after two security officers agreed')
  return { product, folders, url, broker, people, tokenKeys, rootSpec, release, online, rootFile }
}

/** Named tokens for everybody, made by the officer who holds the first one; each of them pins root 1. */
export async function logEverybodyIn(people: People, url: string, rootFile: string, firstToken: string): Promise<void> {
  const [officer, deputy] = people.security
  const logIn = async (person: Person, token: string): Promise<void> => {
    const tokenFile = `${person.home}/token.txt`
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 })
    await person.run('login', '--server', url, '--namespace', product.namespace, '--token-file', tokenFile)
    await person.run('init', '--root', rootFile, '--yes')
  }
  await logIn(officer, firstToken)
  const rows: [Person, string][] = [
    [deputy, 'security-officer'],
    [people.engineer, 'engineer'],
    [people.managers[0], 'approver'],
    [people.managers[1], 'approver'],
    [people.fleet, 'fleet-manager'],
  ]
  const logInAs = async ([person, role]: [Person, string]): Promise<void> => {
    const options = ['--label', person.name, '--person', person.name, '--role', role]
    const { token } = await officer.run('token', 'create', ...options)
    await logIn(person, String(token))
  }
  await Promise.all(rows.map(logInAs))
}

/** KRL 1 revokes nobody; it takes two officers all the same. */
export async function signFirstKrl(people: People): Promise<void> {
  const [first, second] = people.security
  const { id } = await first.run('keys', 'krl-first', ...first.signing, '--yes')
  await second.run('keys', 'approve', String(id), ...second.signing, '--yes')
}
