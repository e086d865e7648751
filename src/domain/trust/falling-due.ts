import { Refusal } from '../refusal.js'
import type { Policy } from './policy.js'
import { keyRoles, type KeyRole } from './roles.js'
import type { RootKey } from './root.js'
import { revokedKeysOf, type TrustState } from './trust-state.js'

const DAY_SECONDS = 86_400
/** Days before something is due at which it is asked for, the owner told, and releases refused (trust.md §7). */
export const noticeDays = [30, 14, 7] as const
export type NoticeDays = (typeof noticeDays)[number]

/** Something that people have to renew, and by when. */
export interface Due {
  /** "role manifest-a", "root", "policy", "revocation list", "person manager-1" */
  readonly what: string
  /** When it should be done at the latest, seconds. */
  readonly at: number
  /** When what it is about cannot be used any more; not before `at`. */
  readonly ends: number
  /** The notice that is due now; null while it is still far away. */
  readonly notice: NoticeDays | null
  /** Key ids it is about. */
  readonly keyIds: readonly string[]
}

/** The smallest notice that has come. @param at seconds. */
function noticeOf(at: number, now: number): NoticeDays | null {
  return noticeDays.filter((days) => now >= at - days * DAY_SECONDS).at(-1) ?? null
}

/**
 * What has to be renewed in a namespace. Nothing of it depends on anybody's memory: each end is in a signed document, and verifiers
 * enforce it.
 */
export function dueDates(state: TrustState, policy: Policy | null, now: number): readonly Due[] {
  const { root, krl } = state
  const row = (what: string, at: number, ends: number, keyIds: readonly string[] = []): Due => ({
    what,
    at,
    ends,
    notice: noticeOf(at, now),
    keyIds,
  })
  const persons = [...(policy?.persons.values() ?? [])]
  return [
    row('root', root.expires, root.expires),
    ...keyRoles.flatMap((role) => {
      const life = findRoleLife(state, role)
      return life === null ? [] : [row(`role ${role}`, life.due, life.ends, root.roles.get(role)?.keyIds)]
    }),
    ...(policy === null ? [] : [row('policy', policy.expires, policy.expires)]),
    ...persons.map(({ name, notAfter }) => row(`person ${name}`, notAfter, notAfter)),
    // A list that is overdue is a warning, one past its hard expiry stops installs; one person renews it.
    ...(krl === null
      ? []
      : [{ ...row('revocation list', krl.nextUpdate, krl.hardExpiry), notice: weekOnly(krl.nextUpdate, now) }]),
  ]
}

const weekOnly = (at: number, now: number): NoticeDays | null => (noticeOf(at, now) === 7 ? 7 : null)

interface RoleLife {
  /** When a ceremony has to have listed further keys. */
  readonly due: number
  /** From then on the role cannot sign, whoever wants it to; 0 when too many of its keys are revoked. */
  readonly ends: number
}

/**
 * How long a role lasts with the keys that the root lists. Where successors are listed the ceremony is due when the last of them
 * starts: after that nobody is left to follow it.
 * @returns null for a role that the root does not have.
 */
function findRoleLife(state: TrustState, role: KeyRole): RoleLife | null {
  const { root } = state
  const row = root.roles.get(role)
  if (row === undefined) return null
  const revoked = revokedKeysOf(state)
  const keys = row.keyIds
    .map((keyId) => root.keys.get(keyId))
    .filter((key): key is RootKey => key !== undefined && !revoked.has(key.keyId))
  // The role ends when fewer keys are left than its threshold asks for.
  const last = keys.map(({ notAfter }) => notAfter).sort((a, b) => b - a)[row.threshold - 1]
  const ends = Math.min(last ?? 0, root.expires)
  const starts = keys.map(({ notBefore }) => notBefore)
  const [first, latest] = [Math.min(...starts), Math.max(...starts)]
  return { due: latest > first ? Math.min(latest, ends) : ends, ends }
}

/** How long a release is offered at least, where nothing else is said: the life of a rollout by default. */
export const RELEASE_LIFE_SECONDS = 30 * DAY_SECONDS

/**
 * In the last week before a ceremony is due, nothing is begun any more that would outlive a manifest role: devices would refuse it
 * half-way (trust.md §7). The signer and devices enforce the end itself.
 * @param until when the release has to be installable, seconds.
 * @throws Refusal `ROLE_ENDS`.
 */
export function requireRoleOutlives(state: TrustState, until: number, now: number): void {
  for (const role of ['manifest-a', 'manifest-b'] as const) {
    const life = findRoleLife(state, role)
    // Where every key is revoked the KRL is the reason, and the signer gives it.
    if (life === null || life.ends === 0 || noticeOf(life.due, now) !== 7 || until <= life.ends) continue
    throw new Refusal('ROLE_ENDS', { role, ends: life.ends, until })
  }
}
