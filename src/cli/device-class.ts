import { findHex, toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { classIdOf, formatUuid } from '../domain/suit/identifiers.js'
import type { Policy } from '../domain/trust/policy.js'

/** @returns the 16 bytes of a class id in either form, or null. */
export function findClassId(text: string): Uint8Array | null {
  const hex = findHex(text.replaceAll('-', ''))
  return hex?.length === 16 ? hex : null
}

/**
 * The class a person means, computed here and never asked of the server: its id (UUID or hex), or
 * `model/hardware-revision/environment`.
 * @throws Refusal `WRONG_CLASS` when the signed policy does not list it.
 */
export function requireClass(policy: Policy, text: string): Uint8Array {
  const classId = findClassId(text) ?? idOfName(policy, text)
  if (classId === null || !policy.classes.has(toHex(classId)))
    throw new Refusal('WRONG_CLASS', { expected: classNames(policy), found: text })
  return classId
}

function idOfName(policy: Policy, text: string): Uint8Array | null {
  const [model, hardwareRevision, environment, ...more] = text.split('/')
  if (!model || !hardwareRevision || !environment || more.length > 0) return null
  return classIdOf(policy.vendorId, model, hardwareRevision, environment)
}

const classNames = (policy: Policy): string =>
  `one of ${[...policy.classes.keys()].map((hex) => formatUuid(findHex(hex) ?? new Uint8Array(16))).join(', ')}`
