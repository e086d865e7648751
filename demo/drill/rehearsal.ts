import { writeFileSync } from 'node:fs'
import { EmbeddedBroker } from '../../src/embedded/broker.js'
import { requireFolderHiding } from '../../src/embedded/hide-folder.js'
import { EmbeddedPostgres } from '../../src/embedded/postgres.js'
import type { ProcessSupervisor } from '../../src/embedded/process-supervisor.js'
import { requireSandbox } from '../../src/embedded/sandbox.js'
import { rolesOfTokens, signTogether, specifyRoot, type TokenKeys } from '../ceremony.js'
import type { Folders } from '../folders.js'
import type { Installation } from '../installation.js'
import type { People } from '../people.js'
import { Person } from '../person.js'
import { product as demoProduct, type Product } from '../product.js'
import { startServer } from '../server-process.js'
import { SignerProcess } from '../signer-process.js'
import type { Story } from '../story.js'
import { chooseApprovers, type Approver, type NamespaceCopy } from './copy.js'

const DAY = 86_400
const SLACK_SECONDS = 60

export interface RehearsalOptions {
  readonly copy: NamespaceCopy
  readonly folders: Folders
  readonly supervisor: ProcessSupervisor
  readonly story: Story
  readonly withSandbox: boolean
}

/** A whole system that is like the one it was copied from in what people have to do; every key in it was made for it. */
export interface Rehearsal {
  readonly installation: Pick<Installation, 'folders' | 'url' | 'people' | 'rootFile' | 'product'>
  readonly approvers: readonly (Approver & { readonly standIn: Person })[]
  readonly stolenKeyId: string
}

export async function prepareRehearsal(options: RehearsalOptions): Promise<Rehearsal> {
  const { copy, folders, supervisor, story, withSandbox } = options
  if (withSandbox) {
    await requireSandbox()
    await requireFolderHiding()
  }
  const now = Math.floor(Date.now() / 1_000)
  const product: Product = { ...demoProduct, namespace: `${copy.namespace.split('/')[0] ?? ''}/drill` }
  const { launch } = supervisor
  const [postgres, broker, cast, release, online] = await Promise.all([
    EmbeddedPostgres.start({ folder: folders.path('postgres'), launch }),
    EmbeddedBroker.start({ folder: folders.path('broker'), launch }),
    castPeople(copy, folders.keys),
    SignerProcess.prepare('release', folders, product.namespace),
    SignerProcess.prepare('online', folders, product.namespace),
  ])
  const { people, approvers } = cast
  const tokenKeys = [
    ...(await release.generateKeys(rolesOfTokens.release)),
    ...(await online.generateKeys(rolesOfTokens.online)),
  ]
  story.tell(`stand-ins with keys of their own for ${approvers.map(({ name }) => name).join(', ')}`)
  const rootFile = await signRoot(options, product, people, tokenKeys, now)
  const policyFile = await signPolicy(options, product, cast, now)
  await release.start(supervisor, withSandbox)
  await online.start(supervisor, withSandbox)
  await postgres.createDatabase('countersign')
  const parts = { folders, product, postgres, broker, release, online }
  const { url, firstToken } = await startServer(supervisor, parts, withSandbox)
  await logIn(cast, { url, rootFile, firstToken, namespace: product.namespace })
  const [first, ...others] = approvers.map(({ standIn }) => standIn)
  if (first === undefined) throw new Error('a quorum of nobody')
  await first.run('trust', 'push', '--policy', policyFile)
  await signKrl(first, others, ['krl-first'])
  story.tell(`a system of its own is up, as ${product.namespace}: nothing signed in it counts anywhere else`)
  const stolenKeyId = tokenKeys.find(({ role }) => role === 'manifest-a')?.keyId ?? ''
  return { installation: { folders, url, people, rootFile, product }, approvers, stolenKeyId }
}

/** The first proposes and approves, the others approve. @returns the request's id. */
export async function signKrl(first: Person, others: readonly Person[], command: readonly string[]): Promise<string> {
  const { id } = await first.run('keys', ...command, ...first.signing, '--yes')
  for (const other of others) await other.run('keys', 'approve', String(id), ...other.signing, '--yes')
  return String(id)
}

interface Cast {
  readonly people: People
  readonly approvers: Rehearsal['approvers']
}

/** As many holders as there are, and who is needed of the people, under their own names where a folder can have them. */
async function castPeople(copy: NamespaceCopy, keysFolder: string): Promise<Cast> {
  const several = (name: string, count: number): Person[] =>
    Array.from({ length: count }, (_, index) => new Person(`${name}-${index + 1}`, keysFolder))
  const approvers = chooseApprovers(copy).map((approver, index) => {
    const name = /^[\w.-]{1,64}$/.test(approver.name) ? approver.name : `person-${index + 1}`
    return { ...approver, standIn: new Person(name, keysFolder) }
  })
  const [holders, policySigners] = [several('root', copy.root.keys), several('policy', copy.policy.keys)]
  const emergency = new Person('emergency', keysFolder)
  const waiting = [...holders, ...policySigners, emergency, ...approvers.map(({ standIn }) => standIn)]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.createKey()
  }
  await Promise.all([worker(), worker()])
  const [first, second = first] = approvers.map(({ standIn }) => standIn)
  if (first === undefined || second === undefined) throw new Error('a quorum of nobody')
  const same = { engineer: first, managers: [first, second], security: [first, second], fleet: first } as const
  return { approvers, people: { holders, policySigners, emergency, ...same } }
}

function signRoot(
  { copy, folders }: RehearsalOptions,
  product: Product,
  people: People,
  tokenKeys: TokenKeys,
  now: number,
): Promise<string> {
  const plain = specifyRoot(people, tokenKeys, now)
  const of = (role: 'root' | 'policy') => ({ ...plain.roles[role], threshold: copy[role].threshold })
  const spec = {
    ...plain,
    namespace: product.namespace,
    issued: now - SLACK_SECONDS,
    expires: now + 30 * DAY,
    roles: { ...plain.roles, root: of('root'), policy: of('policy') },
  }
  return signTogether('root', folders, 1, spec, people.holders.slice(0, copy.root.threshold))
}

/** Its quorums and limits are the copied ones; only the people who are needed are in it. */
function signPolicy(
  { copy, folders }: RehearsalOptions,
  product: Product,
  { people, approvers }: Cast,
  now: number,
): Promise<string> {
  const rows = approvers.map(({ standIn, role }) => [standIn.name, { keys: [standIn.publicKey], roles: [role] }])
  const spec = {
    namespace: product.namespace,
    version: 1,
    issued: now - SLACK_SECONDS,
    expires: now + 30 * DAY,
    vendorDomain: product.vendorDomain,
    classes: product.classes.map(({ model, hardwareRevision, environment }) => ({
      model,
      hardwareRevision,
      environment,
    })),
    persons: Object.fromEntries(rows) as object,
    quorums: copy.quorums,
    limits: copy.limits,
  }
  return signTogether('policy', folders, 1, spec, people.policySigners.slice(0, copy.policy.threshold))
}

interface Door {
  readonly url: string
  readonly rootFile: string
  readonly firstToken: string
  readonly namespace: string
}

async function logIn({ approvers }: Cast, { url, rootFile, firstToken, namespace }: Door): Promise<void> {
  const [officer] = approvers
  if (officer === undefined) return
  for (const { standIn } of approvers) {
    const options = ['--label', standIn.name, '--person', standIn.name, '--role', 'security-officer']
    const token =
      standIn === officer.standIn ? firstToken : (await officer.standIn.run('token', 'create', ...options))['token']
    const tokenFile = `${standIn.home}/token.txt`
    writeFileSync(tokenFile, `${String(token)}\n`, { mode: 0o600 })
    await standIn.run('login', '--server', url, '--namespace', namespace, '--token-file', tokenFile)
    await standIn.run('init', '--root', rootFile, '--yes')
  }
}
