import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { Refusal } from '../../src/domain/refusal.js'
import { parseQuorum } from '../../src/domain/trust/quorum.js'

const Keys = z.strictObject({ threshold: z.number().int().min(1), keys: z.number().int().min(1) })
const Copy = z.strictObject({
  namespace: z.string().regex(/^[^/]+\/[^/]+$/),
  root: Keys,
  policy: Keys,
  persons: z.array(z.strictObject({ name: z.string(), roles: z.array(z.string()) })),
  quorums: z.record(z.string(), z.string()),
  limits: z.record(z.string(), z.unknown()),
})
/** What a namespace is like, without a key of it: `countersign keys drill` writes it from documents that it verified. */
export type NamespaceCopy = z.infer<typeof Copy>

export function readCopy(file: string): NamespaceCopy {
  const parsed = Copy.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (parsed.success) return parsed.data
  throw new Refusal('REQUEST_INVALID', { field: '--copy', why: parsed.error.issues[0]?.message ?? 'no copy' })
}

export interface Approver {
  readonly name: string
  readonly role: string
}

/**
 * The fewest people of the policy who meet its quorum for a KRL: each counted once, in one role.
 * @throws Refusal `QUORUM_UNDEFINED`, `QUORUM_NOT_MET` when the policy names too few: better found out in a drill.
 */
export function chooseApprovers({ persons, quorums }: NamespaceCopy): readonly Approver[] {
  const expression = quorums['krl']
  if (expression === undefined) throw new Refusal('QUORUM_UNDEFINED', { operation: 'krl' })
  const chosen: Approver[] = []
  const isFree = (name: string): boolean => !chosen.some((each) => each.name === name)
  for (const { count, role } of parseQuorum(expression)) {
    const able = persons.filter(({ name, roles }) => roles.includes(role) && isFree(name)).slice(0, count)
    if (able.length < count) throw new Refusal('QUORUM_NOT_MET', { operation: 'krl' })
    chosen.push(...able.map(({ name }) => ({ name, role })))
  }
  return chosen
}
