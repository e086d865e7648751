import { writeFileSync } from 'node:fs'
import { ED25519, ESP256 } from '../src/domain/cose/algorithms.js'
import { firmwareFormats } from '../src/domain/trust/firmware-formats.js'
import type { Folders } from './folders.js'
import type { People } from './people.js'
import type { Person } from './person.js'
import type { Product } from './product.js'
import type { TokenKeyRow } from './signer-process.js'

const DAY = 86_400
/** Clocks of the processes are the same; a minute's slack keeps "now" inside every life. */
const SLACK_SECONDS = 60

/** Roles of the keys of each token: of those that change while nobody holds a ceremony there are successors. */
export const rolesOfTokens = {
  release: ['manifest-a', 'manifest-a', 'krl'],
  online: ['assignment', 'assignment', 'assignment', 'freshness', 'freshness', 'freshness'],
} as const

/** Keys of the two tokens, by role; those after the first of a role are its successors. */
export type TokenKeys = readonly TokenKeyRow[]

interface KeyEntry {
  readonly keyId: string
  readonly publicKey: string
  readonly notBefore?: number
  readonly notAfter?: number
}
/** A root as its ceremony specifies it. */
export interface RootSpec {
  readonly version: number
  /** Default: Ed25519 alone. */
  readonly algorithms?: readonly number[]
  readonly roles: Readonly<Record<string, { readonly threshold: number; readonly keys: readonly KeyEntry[] }>>
}

const entry = ({ keyId, publicKey }: TokenKeyRow): KeyEntry => ({ keyId, publicKey })

/** Root 1: three holders of whom two sign; every online role with its key, manifest-a with a successor for later. */
export function specifyRoot(people: People, tokenKeys: TokenKeys, now: number): RootSpec {
  const ofRole = (role: string): KeyEntry[] => tokenKeys.filter((row) => row.role === role).map(entry)
  const life = (key: KeyEntry, fromDay: number, toDay: number): KeyEntry => ({
    ...key,
    notBefore: now - SLACK_SECONDS + fromDay * DAY,
    notAfter: now + toDay * DAY,
  })
  const [manifest, successor] = ofRole('manifest-a')
  if (manifest === undefined || successor === undefined) throw new Error('the release token has no two manifest keys')
  // Thirty days each, the next one five days before the end of the one before.
  const monthly = (key: KeyEntry, place: number): KeyEntry => life(key, 25 * place, 25 * place + 30)
  const one = (keys: readonly KeyEntry[]) => ({ threshold: 1, keys })
  const authorities = ofRole('device-ca').map((key) => life(key, 0, 5 * 365))
  return {
    version: 1,
    // Certificates of devices are of P-256.
    ...(authorities.length === 0 ? {} : { algorithms: [ED25519, ESP256] }),
    roles: {
      root: { threshold: 2, keys: people.holders.map((person) => person.publicKey) },
      policy: { threshold: 2, keys: people.policySigners.map((person) => person.publicKey) },
      'manifest-a': one([life(manifest, 0, 90), life(successor, 60, 150)]),
      krl: one(ofRole('krl').map((key) => life(key, 0, 180))),
      'emergency-krl': one([people.emergency.publicKey]),
      assignment: one(ofRole('assignment').map(monthly)),
      freshness: one(ofRole('freshness').map(monthly)),
      ...(authorities.length === 0 ? {} : { 'device-ca': one(authorities) }),
    },
  }
}

/** The root after a compromise: the revoked key is gone, its successor is active now. */
export function specifySuccessorRoot(before: RootSpec, revokedKeyId: string, now: number): RootSpec {
  const { 'manifest-a': manifest, ...others } = before.roles
  const keys = (manifest?.keys ?? [])
    .filter((key) => key.keyId !== revokedKeyId)
    .map((key) => ({ ...key, notBefore: now - SLACK_SECONDS, notAfter: now + 90 * DAY }))
  return { version: before.version + 1, roles: { ...others, 'manifest-a': { threshold: 1, keys } } }
}

/** Each holder signs on their own machine after reading the document; the parts are assembled afterwards. @returns the signed file. */
export async function signTogether(
  kind: 'root' | 'policy',
  folders: Pick<Folders, 'path'>,
  version: number,
  spec: object,
  signers: readonly Person[],
  previous?: string,
): Promise<string> {
  const name = `${kind}-${version}`
  const specFile = folders.path('keys', `${name}.json`)
  const unsigned = folders.path('keys', `${name}.unsigned`)
  const signed = folders.path(`${name}.cbor`)
  writeFileSync(specFile, JSON.stringify(spec, null, 2))
  const [first] = signers
  if (first === undefined) throw new Error('a ceremony needs somebody')
  const root = kind === 'policy' ? ['--root', folders.path('root-1.cbor')] : []
  const before = [...root, ...(previous === undefined ? [] : ['--previous', previous])]
  await first.run('ceremony', kind, 'propose', '--spec', specFile, '--out', unsigned, ...before)
  const signatures: string[] = []
  for (const person of signers) {
    const file = folders.path('keys', `${name}.${person.name}.sig`)
    await person.run('ceremony', kind, 'sign', unsigned, ...person.signing, '--out', file, '--yes', ...before)
    signatures.push(file)
  }
  await first.run('ceremony', kind, 'assemble', unsigned, ...signatures, '--out', signed, ...before)
  return signed
}

export function signRoot(
  folders: Folders,
  product: Product,
  people: People,
  spec: RootSpec,
  now: number,
): Promise<string> {
  const document = { namespace: product.namespace, issued: now - SLACK_SECONDS, expires: now + 395 * DAY, ...spec }
  const previous = spec.version === 1 ? undefined : folders.path(`root-${spec.version - 1}.cbor`)
  return signTogether('root', folders, spec.version, document, people.holders.slice(0, 2), previous)
}

/**
 * Policy 1: who may do what. Two release managers sign a release, two security officers a KRL, one fleet manager a pace.
 * @param withDdi SWUpdate, RAUC and Zephyr may join the first class.
 */
export async function signPolicy(
  folders: Folders,
  product: Product,
  people: People,
  now: number,
  withDdi = false,
): Promise<string> {
  const rows: [Person, string][] = [
    [people.engineer, 'engineer'],
    [people.managers[0], 'release-manager'],
    [people.managers[1], 'release-manager'],
    [people.security[0], 'security'],
    [people.security[1], 'security'],
    [people.fleet, 'fleet-manager'],
  ]
  const persons: Record<string, object> = {}
  for (const [person, role] of rows) persons[person.name] = { keys: [person.publicKey], roles: [role] }
  const classes = product.classes.map(({ model, hardwareRevision, environment }) => ({
    model,
    hardwareRevision,
    environment,
  }))
  const document = {
    namespace: product.namespace,
    version: 1,
    issued: now - SLACK_SECONDS,
    expires: now + 395 * DAY,
    vendorDomain: product.vendorDomain,
    classes,
    ...(withDdi ? { legacyClients: { ddi: { classes: classes.slice(0, 1) } } } : {}),
    persons,
    quorums: {
      sign: '2 of release-manager',
      krl: '2 of security',
      'krl-renew': '1 of security',
      rollout: '1 of fleet-manager',
      're-sign': '2 of release-manager',
      'resume-signer': '2 of security',
      'clock-reset': '1 of security',
    },
    limits: {
      approvalLifeSeconds: 7 * DAY,
      signaturesPerDay: 200,
      devicesPerHour: 1_000_000,
      // The demo takes any file as firmware; a product would name its own formats.
      firmwareFormats: [...firmwareFormats],
    },
  }
  return signTogether('policy', folders, 1, document, people.policySigners)
}
