import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { CliBench, type CommandResult } from '../../../test/support/cli-bench.js'
import { sha256, sha256Hex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { requireQuorum } from '../../domain/trust/check-approvals.js'
import { parseKrl } from '../../domain/trust/krl.js'
import { parseResumeOrder } from '../../domain/trust/signer-order.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { anchorState } from '../../domain/trust/trust-state.js'
import { parseRequestFile } from '../ceremony/request-file.js'
import { createPersonKey } from '../person-key.js'
import { CHEAP_COST } from '../../../test/support/cli-bench.js'
import { rootKeyOf } from '../../../test/support/trust-fixture.js'

let bench: CliBench
let files: string[]
const CLASS = '7b4c15b2bc8e5be985ff1a6ba9732541'
beforeAll(async () => {
  bench = await CliBench.make()
  const { trust } = bench
  const krl = await trust.signKrl(trust.krl({ number: 4, keys: [{ keyId: 'ab'.repeat(32), reason: 3, time: 100 }] }))
  const named: readonly (readonly [string, Uint8Array])[] = [
    ['root', trust.rootBytes],
    ['policy', trust.policyBytes],
    ['krl', krl],
  ]
  files = named.flatMap(([name, bytes]) => {
    writeFileSync(bench.path(`${name}.cbor`), bytes)
    return [`--${name}`, bench.path(`${name}.cbor`)]
  })
})
afterAll(() => bench.close())

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(bench.path(name)))
const run = (document: string, verb: string, ...words: readonly string[]): Promise<CommandResult> =>
  bench.run('ceremony', document, verb, ...words, ...files)
const propose = (document: string, name: string, ...words: readonly string[]): Promise<CommandResult> =>
  run(document, 'propose', ...words, '--out', bench.path(`${name}.unsigned`))
const sign = (document: string, name: string, person: string): Promise<CommandResult> => {
  const out = ['--out', bench.path(`${name}.${person}.sig`)]
  return run(document, 'sign', bench.path(`${name}.unsigned`), '--yes', ...bench.keyOf(person), ...out)
}
const assemble = (document: string, name: string, ...people: readonly string[]): Promise<CommandResult> => {
  const signatures = people.map((person) => bench.path(`${name}.${person}.sig`))
  return run(document, 'assemble', bench.path(`${name}.unsigned`), ...signatures, '--out', bench.path(name))
}
const manifestKey = (): string => bench.trust.roleKey('manifest-a').keyIdHex

describe('a ceremony for a revocation list', () => {
  it('makes a request that the signer will take, without asking anybody', async () => {
    const words = ['--revoke', manifestKey().slice(0, 12), '--reason', 'compromise', '--floor', `${CLASS}=9`]
    const { output } = await propose('krl', 'r5', ...words)
    expect(output).toContain(`+ revokes key ${manifestKey()} (manifest-a): compromise`)
    expect(output).toContain(`+ class ${CLASS}: nothing below sequence 9`)
    for (const person of ['security-1', 'security-2']) {
      const signed = await sign('krl', 'r5', person)
      expect(signed.errors).toEqual([])
      expect(signed.output).toContainEqual(expect.stringMatching(/counts as: approval as security under policy 1\.$/))
    }
    expect((await assemble('krl', 'r5', 'security-1', 'security-2')).errors).toEqual([])
    const { payload, approvals, requestId, operation } = parseRequestFile(read('r5'))
    expect(parseKrl(payload)).toMatchObject({ number: 5, floors: new Map([[CLASS, 9]]) })
    const { policy, root, now } = bench.trust
    const subject = { operation, subjectSha256: sha256(payload), requestId, image: null, requester: null }
    const people = { policy, allowed: root.algorithms, revoked: new Map(), now, algorithms: nativeAlgorithms }
    expect(requireQuorum(approvals, subject, people).map(({ person }) => person)).toEqual(['security-1', 'security-2'])
    expect(bench.courier.calls).toEqual([])
    const verified = await run('krl', 'verify', bench.path('r5'), '--transcript', bench.path('r5.transcript.json'))
    expect(verified.output).toContain('revocation list 5 of gateway/prod is whole, and its transcript fits it')
  })

  it('is a renewal by one person when nothing is added', async () => {
    await propose('krl', 'renewal')
    await sign('krl', 'renewal', 'security-2')
    expect((await assemble('krl', 'renewal', 'security-2')).exitCode).toBe(0)
    expect(parseRequestFile(read('renewal')).operation).toBe('krl-renew')
  })

  it('assembles nothing below the quorum, nor from people who may not', async () => {
    await propose('krl', 'few', '--withdraw', 'cd'.repeat(32))
    await sign('krl', 'few', 'security-1')
    expect((await assemble('krl', 'few', 'security-1')).errors[0]).toBe('refused: QUORUM_NOT_MET (operation=krl)')
    expect((await sign('krl', 'few', 'manager-1')).errors[0]).toBe(
      'refused: APPROVAL_ROLE (person=manager-1 role=security)',
    )
  })

  it('refuses a request whose list was exchanged', async () => {
    const request = JSON.parse(readFileSync(bench.path('r5'), 'utf8')) as Record<string, unknown>
    const other = JSON.parse(readFileSync(bench.path('renewal'), 'utf8')) as Record<string, unknown>
    const lie = { ...request, payload: other['payload'], requestId: other['requestId'] }
    writeFileSync(bench.path('lie'), JSON.stringify(lie))
    expect((await run('krl', 'verify', bench.path('lie'))).errors[0]).toContain('refused: APPROVAL_MISMATCH (field=')
    writeFileSync(bench.path('lie'), JSON.stringify({ ...request, payload: other['payload'] }))
    expect((await run('krl', 'verify', bench.path('lie'))).errors[0]).toBe(
      'refused: REQUEST_INVALID (field=requestId why=not that of the payload)',
    )
  })

  it('lets only an emergency key name the key of the signer', async () => {
    const krlKey = bench.trust.roleKey('krl').keyIdHex
    expect((await propose('krl', 'own', '--revoke', krlKey)).errors[0]).toBe(
      `refused: KRL_ENTRY_FORBIDDEN (keyId=${krlKey})`,
    )
    expect((await propose('krl', 'own', '--revoke', krlKey, '--emergency')).exitCode).toBe(0)
    expect((await sign('krl', 'own', 'security-1')).errors[0]).toBe(`refused: KRL_ENTRY_FORBIDDEN (keyId=${krlKey})`)
  })
})

describe('an emergency list', () => {
  it('is signed whole by one holder, and taken by a device', async () => {
    const emergency = createPersonKey(bench.path('emergency.key'), 'emergency', 'correct horse battery', CHEAP_COST)
    const key = { key: emergency.publicKey, keyIdHex: emergency.keyId, alg: -19 }
    const { root, now } = bench.trust
    const { bytes } = await bench.trust.nextRoot({
      keys: new Map(root.keys).set(key.keyIdHex, rootKeyOf(key, now)),
      roles: new Map(root.roles).set('emergency-krl', { threshold: 1, keyIds: [key.keyIdHex] }),
    })
    writeFileSync(bench.path('root-2.cbor'), bytes)
    files = [...files, '--root', bench.path('root-2.cbor')]
    const krlKey = bench.trust.roleKey('krl').keyIdHex
    await propose('krl', 'emergency', '--revoke', krlKey, '--reason', 'compromise', '--emergency')
    const { output } = await sign('krl', 'emergency', 'emergency')
    expect(output).toContainEqual(expect.stringContaining('it counts as: emergency-krl.'))
    expect((await assemble('krl', 'emergency', 'emergency')).errors).toEqual([])
    const state = takeKrl(anchorState(bytes, nativeAlgorithms), read('emergency'), now, nativeAlgorithms)
    expect(state.krl).toMatchObject({ number: 1_004, sha256: sha256Hex(read('emergency')) })
    expect(state.krl?.keys.get(krlKey)).toBe(1)
    expect((await run('krl', 'verify', bench.path('emergency'))).exitCode).toBe(0)
  })
})

describe('a ceremony for an order to a signer', () => {
  const status = (change: object = {}): string[] => {
    const said = {
      namespace: 'gateway/prod',
      process: 'release',
      suspended: true,
      suspensionId: 'ef'.repeat(16),
      lastSeen: 1_700_000_000,
      krlNumber: 3,
      sequences: { [CLASS]: 7 },
      signedSequences: { [CLASS]: 9 },
      ...change,
    }
    writeFileSync(bench.path('status.json'), JSON.stringify(said))
    return ['--process', 'release', '--status', bench.path('status.json')]
  }

  it('lets a suspended one go on above everything that anybody remembers', async () => {
    const { output } = await propose('resume-signer', 'resume', ...status(), '--sequence', `${CLASS}=8`)
    expect(output).toContain('Every approval from before is void: what was waiting is approved again.')
    for (const person of ['security-1', 'security-2']) await sign('resume-signer', 'resume', person)
    expect((await assemble('resume-signer', 'resume', 'security-1', 'security-2')).errors).toEqual([])
    const { payload, operation } = parseRequestFile(read('resume'))
    expect(operation).toBe('resume-signer')
    expect(parseResumeOrder(payload)).toEqual({
      namespace: 'gateway/prod',
      process: 'release',
      suspensionId: new Uint8Array(16).fill(0xef),
      sequences: new Map([[CLASS, 9]]),
      leastKrlNumber: 4,
    })
  })

  it('sets a clock right, by one person', async () => {
    await propose('clock-reset', 'clock', ...status(), '--hours', '2')
    await sign('clock-reset', 'clock', 'security-1')
    expect((await assemble('clock-reset', 'clock', 'security-1')).exitCode).toBe(0)
  })

  it.each([
    ['a signer that is not suspended', { suspended: false }, 'STATE (what=release signer state=serving'],
    ['another process', { process: 'online' }, 'ORDER_MISMATCH (field=process)'],
    ['another namespace', { namespace: 'gateway/dev' }, 'WRONG_NAMESPACE (expected=gateway/prod'],
    ['a status that is none', { lastSeen: 'yesterday' }, 'REQUEST_INVALID (field=lastSeen'],
  ])('refuses %s', async (_, change, refusal) => {
    const { errors } = await propose('resume-signer', 'never', ...status(change))
    expect(errors[0]).toContain(`refused: ${refusal}`)
  })

  it('refuses an order of one kind as another', async () => {
    expect((await run('clock-reset', 'verify', bench.path('resume'))).errors[0]).toBe(
      'refused: APPROVAL_MISMATCH (field=operation)',
    )
  })
})
