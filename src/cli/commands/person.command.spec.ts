import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import { CliBench, type CommandResult } from '../../../test/support/cli-bench.js'
import { sha256Hex } from '../../domain/bytes.js'
import { parseKrl } from '../../domain/trust/krl.js'
import { parsePolicy } from '../../domain/trust/policy.js'

let bench: CliBench
const manager = (): string => bench.trust.roleKey('manifest-a').keyIdHex
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
  const owned = await bench.trust.nextPolicy({ owners: new Map([[manager(), ['engineer-1', 'security-2']]]) })
  const krl = await bench.trust.signKrl(bench.trust.krl())
  bench.offer({ roots: [bench.trust.rootBytes], policy: owned.bytes, krl })
  const row = { id: 'k2', requestId: 'k2', number: 2, state: 'awaiting-approval', subjectSha256: '00'.repeat(32) }
  bench.courier.on('POST /krl-requests', ({ body }) => ({ ...row, krl: krlIn(body), subjectSha256: sha(krlIn(body)) }))
  bench.courier.on('POST /krl-requests/k2/approvals', () => ({ ...row, krl: 'AQ' }))
  const tokens = [
    { id: 't1', person: 'engineer-1', revokedAt: null },
    { id: 't2', person: 'engineer-1', revokedAt: 5 },
    { id: 't3', person: 'manager-1', revokedAt: null },
  ]
  bench.courier.on('GET /tokens', () => ({ items: tokens, next: null }))
  bench.courier.on('DELETE /tokens/t1', () => ({}))
})
afterEach(() => bench.close())

const krlIn = (body: Uint8Array): string => (JSON.parse(Buffer.from(body).toString('utf8')) as { krl: string }).krl
const sha = (text: string): string => sha256Hex(new Uint8Array(Buffer.from(text, 'base64url')))
const offboard = (name: string, ...more: readonly string[]): Promise<CommandResult> =>
  bench.run(
    ...['person', 'offboard', name, '--out', bench.path('next.unsigned'), '--yes'],
    ...bench.keyOf('security-1'),
    ...more,
  )

describe('person offboard', () => {
  it('proposes the policy without them, asks for their keys to be revoked, and voids their tokens', async () => {
    const { output, errors } = await offboard('engineer-1', '--successor', 'engineer-2')
    expect(errors).toEqual([])
    expect(output).toContainEqual(expect.stringMatching(/^Gone: person engineer-1: engineer with key /))
    const policy = parsePolicy(new Uint8Array(readFileSync(bench.path('next.unsigned'))))
    expect([policy.version, policy.persons.has('engineer-1')]).toEqual([3, false])
    expect(policy.owners?.get(manager())).toEqual(['engineer-2', 'security-2'])
    const [posted] = bench.courier.posted('/krl-requests')
    const krl = parseKrl(new Uint8Array(Buffer.from(posted?.['krl'] ?? '', 'base64url')))
    expect(krl.keys).toEqual([{ keyId: bench.keys.get('engineer-1')?.keyId, reason: 4, time: bench.trust.now }])
    expect(bench.courier.calls.filter(({ method }) => method === 'DELETE').map(({ path }) => path)).toEqual([
      '/tokens/t1',
    ])
    expect(output).toContain('next: countersign keys approve k2 --key FILE, by another person')
    expect(output.at(-1)).toContain(' --root root-1.cbor --previous policy-2.cbor --key FILE')
  })

  it.each([
    ['whom nobody knows', 'nobody-1', [], 'NOT_FOUND (what=person id=nobody-1)'],
    [
      'without whom a quorum cannot be met',
      'security-2',
      ['--successor', 'manager-2'],
      'REQUEST_INVALID (field=quorum krl why=cannot be met without security-2: first a policy with somebody in their place;',
    ],
    [
      'whose keys nobody takes over',
      'engineer-1',
      [],
      'REQUEST_INVALID (field=--successor why=needed: engineer-1 answers',
    ],
    [
      'whose successor is the deputy already',
      'engineer-1',
      ['--successor', 'security-2'],
      'REQUEST_INVALID (field=--successor why=would be owner and deputy',
    ],
  ])('refuses somebody %s, and changes nothing', async (_, name, more, refusal) => {
    expect((await offboard(name, ...more)).errors[0]).toContain(`refused: ${refusal}`)
    expect(existsSync(bench.path('next.unsigned'))).toBe(false)
    expect(bench.courier.posted('/krl-requests')).toEqual([])
  })

  it('changes nothing with --dry-run', async () => {
    const { output } = await offboard('engineer-1', '--successor', 'engineer-2', '--dry-run')
    expect(output.at(-1)).toBe('dry run: 1 keys would be revoked; nothing was signed, no file was made or changed')
    expect(existsSync(bench.path('next.unsigned'))).toBe(false)
    expect(bench.courier.calls.map(({ path }) => path)).toEqual(['/trust'])
  })
})

it('person list is red for a revoked key', async () => {
  const keyId = bench.keys.get('manager-1')?.keyId ?? ''
  const krl = await bench.trust.signKrl(bench.trust.krl({ number: 2, keys: [{ keyId, reason: 1, time: 1 }] }))
  bench.offer({ roots: [bench.trust.rootBytes], policy: bench.trust.policyBytes, krl })
  expect((await bench.run('person', 'list')).alarms).toEqual([`  ${keyId}  revoked`])
})
