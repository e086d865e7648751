import { fromHex, toHex } from '../bytes.js'
import { cborMap, type CborKey, type CborMap, type CborValue } from '../cbor/value.js'
import type { Fields } from './fields.js'

/** Protocols whose clients verify nothing of ours (trust.md §6). `ddi`: SWUpdate, RAUC and Zephyr. */
export const legacyProtocols = ['ddi'] as const
export type LegacyProtocol = (typeof legacyProtocols)[number]

/** What is not asked for a client's sake. `bundle-signature`: that the signature inside the bundle was verified here. */
export const legacyWaivers = ['bundle-signature'] as const
export type LegacyWaiver = (typeof legacyWaivers)[number]

/** Which devices may be such clients, and what is waived for them. */
export interface LegacyRule {
  /** Class ids (32 hex digits), all of them classes of the policy. */
  readonly classes: readonly string[]
  readonly waived: readonly LegacyWaiver[]
}
export type LegacyClients = ReadonlyMap<LegacyProtocol, LegacyRule>

const isProtocol = (text: unknown): text is LegacyProtocol => legacyProtocols.some((each) => each === text)
const isWaiver = (text: unknown): text is LegacyWaiver => legacyWaivers.some((each) => each === text)

export const legacyToCbor = (legacy: LegacyClients): CborMap =>
  cborMap(
    [...legacy].map(([protocol, { classes, waived }]): [CborKey, CborValue] => [
      protocol,
      [classes.map(fromHex), waived],
    ]),
  )

/**
 * @param known class ids of the policy.
 * @throws Refusal `DOCUMENT_MALFORMED`: what is not understood may waive more than it seems to.
 */
export function readLegacy(fields: Fields, key: number, known: ReadonlyMap<string, unknown>): LegacyClients {
  const legacy = new Map<LegacyProtocol, LegacyRule>()
  for (const [protocol, row] of fields.entries(key)) {
    if (!isProtocol(protocol)) throw fields.refusal(key, 'unknown protocol')
    const [classes, waived] = fields.asArray(key, row, 2)
    legacy.set(protocol, {
      classes: distinct(fields, key, classes, (value) => {
        const id = toHex(fields.asBytes(key, value, 16))
        if (!known.has(id)) throw fields.refusal(key, 'a class that is not listed')
        return id
      }),
      waived: distinct(fields, key, waived, (value) => {
        if (!isWaiver(value)) throw fields.refusal(key, 'unknown waiver')
        return value
      }),
    })
  }
  if ([...legacy.values()].some(({ classes }) => classes.length === 0)) throw fields.refusal(key, 'no class')
  if (legacy.size === 0) throw fields.refusal(key, 'no protocol')
  return legacy
}

function distinct<T>(fields: Fields, key: number, value: CborValue | undefined, read: (value: CborValue) => T): T[] {
  const items = fields.asArray(key, value).map(read)
  if (new Set(items).size !== items.length) throw fields.refusal(key, 'listed twice')
  return items
}

/**
 * @param classId 16 bytes.
 * @returns what the policy says of such clients of that class; null when it lets none in.
 */
export function findLegacyRule(
  policy: { readonly legacy?: LegacyClients },
  protocol: LegacyProtocol,
  classId: Uint8Array,
): LegacyRule | null {
  const rule = policy.legacy?.get(protocol)
  return rule?.classes.includes(toHex(classId)) === true ? rule : null
}
