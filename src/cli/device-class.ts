import { z } from 'zod'
import { findHex, toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { classIdOf, formatUuid } from '../domain/suit/identifiers.js'
import type { Policy } from '../domain/trust/policy.js'
import type { ClassTargets } from '../inspect/agreement.js'
import type { ApiClient } from './api-client.js'

const NamedClass = z.looseObject({
  classId: z.string(),
  name: z.string(),
  model: z.string(),
  hardwareRevision: z.string(),
  targets: z.array(z.string()).optional(),
})

/**
 * What firmware for a class may call its target, as the operator set it up; null for a class that has no name there, which the server
 * judges by itself.
 */
export async function findTargets(api: ApiClient, classId: Uint8Array): Promise<ClassTargets | null> {
  const { classes } = await api.get('', z.looseObject({ classes: z.array(NamedClass) }))
  return classes.find((each) => each.classId === toHex(classId)) ?? null
}

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
