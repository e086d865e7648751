import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { classIdOf, vendorIdOf } from '../domain/suit/identifiers.js'
import { isNamespace } from '../domain/trust/fields.js'
import { PollSettings } from './poll-settings.js'
import { DdiSettings } from './ddi/ddi-settings.js'

const part = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^/]+$/, 'holds "/"')
const DeviceClass = z.strictObject({
  name: part,
  model: part,
  hardwareRevision: part,
  environment: part,
  /** What firmware for it calls its target (docs/firmware.md); the words of the class when none is listed. */
  targets: z.array(z.string().min(1).max(128)).min(1).max(32).optional(),
})
const Namespace = z.strictObject({
  namespace: z.string().refine(isNamespace, 'not product/environment'),
  /** Root 1 as it was signed. */
  rootFile: z.string().min(1),
  /** Sockets of its two signers. */
  releaseSigner: z.string().min(1),
  onlineSigner: z.string().min(1),
  vendorDomain: z.string().min(1).max(253),
  classes: z.array(DeviceClass).min(1),
  /** How often devices of our own protocol ask; every setting has a default. */
  polling: PollSettings.optional(),
  /** For clients that speak DDI; every setting has a default. */
  ddi: DdiSettings.optional(),
})
const Namespaces = z.array(Namespace).min(1)

/** One product in one environment, as the operator sets it up; nothing in here is trusted by a device. */
export type NamespaceConfig = Readonly<z.infer<typeof Namespace>>

/** @throws Refusal `CONFIGURATION` naming the member, `FILE_UNREADABLE`. */
export function readNamespaces(path: string): readonly NamespaceConfig[] {
  const parsed = Namespaces.safeParse(readJson(path))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const at = issue?.path.join('.') ?? ''
    throw new Refusal('CONFIGURATION', {
      name: `NAMESPACES_FILE ${at}`.trim(),
      why: issue?.message ?? 'not understood',
    })
  }
  requireDistinct(
    parsed.data.map((each) => each.namespace),
    'a namespace is listed twice',
  )
  requireDistinct(
    parsed.data.flatMap((each) => each.ddi?.alias ?? []),
    'two namespaces have one alias',
  )
  return parsed.data
}

function requireDistinct(names: readonly string[], why: string): void {
  if (new Set(names).size !== names.length) throw new Refusal('CONFIGURATION', { name: 'NAMESPACES_FILE', why })
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? 'not JSON' : 'cannot be read'
    throw new Refusal('CONFIGURATION', { name: 'NAMESPACES_FILE', why }, { cause: error })
  }
}

/** Class names by class id (32 hex digits). */
export const classNamesOf = (config: NamespaceConfig): ReadonlyMap<string, string> =>
  new Map([...classesOf(config)].map(([id, { name }]) => [id, name]))

/** Classes by class id (32 hex digits). */
export function classesOf(config: NamespaceConfig): ReadonlyMap<string, NamespaceConfig['classes'][number]> {
  const vendor = vendorIdOf(config.vendorDomain)
  return new Map(
    config.classes.map((each) => [toHex(classIdOf(vendor, each.model, each.hardwareRevision, each.environment)), each]),
  )
}
