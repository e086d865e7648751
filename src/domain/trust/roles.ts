/** Roles of keys in a root document. One key has one role, in one namespace, for one kind of object. */
export const keyRoles = [
  'root',
  'policy',
  'manifest-a',
  'manifest-b',
  'krl',
  'emergency-krl',
  'assignment',
  'freshness',
  'log',
  'device-ca',
] as const
export type KeyRole = (typeof keyRoles)[number]

/** Roles of people in a policy. */
export const personRoles = ['engineer', 'release-manager', 'security', 'fleet-manager'] as const
export type PersonRole = (typeof personRoles)[number]

/** What people approve. */
export const operations = ['sign', 're-sign', 'krl', 'krl-renew', 'rollout', 'resume-signer', 'clock-reset'] as const
export type Operation = (typeof operations)[number]

const oneOf =
  <T extends string>(words: readonly T[]) =>
  (word: string): word is T =>
    (words as readonly string[]).includes(word)

export const isKeyRole = oneOf(keyRoles)
export const isPersonRole = oneOf(personRoles)
export const isOperation = oneOf(operations)
