import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { CliBench } from '../../../test/support/cli-bench.js'
import { fromHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { findLegacyRule } from '../../domain/trust/legacy-clients.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import { anchorState } from '../../domain/trust/trust-state.js'
import { takeRoot } from '../../domain/trust/walk-root.js'

const holders = ['holder-1', 'holder-2', 'holder-3']
const online = ['manifest-a', 'krl', 'assignment', 'freshness', 'next-manifest']
const offline = ['policy-1', 'policy-2', 'emergency']
let bench: CliBench
const publicKeys = new Map<string, string>()
beforeAll(async () => {
  bench = await CliBench.make()
  for (const person of [...holders, ...online, ...offline]) await createKey(person)
})
afterAll(() => bench.close())

async function createKey(person: string, ...more: readonly string[]): Promise<void> {
  const [line] = await bench.must(
    'key',
    'create',
    '--person',
    person,
    '--out',
    bench.path(`${person}.key`),
    '--passphrase-file',
    bench.path('passphrase'),
    '--json',
    ...more,
  )
  publicKeys.set(person, (JSON.parse(line ?? '') as { publicKey: string }).publicKey)
}
const entry = (person: string): object => ({ publicKey: publicKeys.get(person) })
const role = (threshold: number, ...persons: string[]): object => ({ threshold, keys: persons.map(entry) })

function rootSpec(change: object = {}, roles: object = {}): object {
  return {
    namespace: 'gateway/prod',
    version: 1,
    issued: bench.trust.now - 60,
    expires: bench.trust.now + 86_400 * 390,
    roles: {
      root: role(2, ...holders),
      policy: role(2, 'policy-1', 'policy-2'),
      'manifest-a': role(1, 'manifest-a'),
      krl: role(1, 'krl'),
      'emergency-krl': role(1, 'emergency'),
      assignment: role(1, 'assignment'),
      freshness: role(1, 'freshness'),
      ...roles,
    },
    ...change,
  }
}

/** Makes a document under a name, has people sign it, and puts the signatures together. */
async function hold(
  document: string,
  name: string,
  spec: object,
  signers: readonly string[],
  more: readonly string[] = [],
) {
  const path = (ending: string): string => bench.path(`${name}.${ending}`)
  writeFileSync(path('json'), JSON.stringify(spec))
  await bench.must('ceremony', document, 'make', '--spec', path('json'), '--out', path('unsigned'))
  for (const signer of signers)
    await bench.must(
      'ceremony',
      document,
      'sign',
      path('unsigned'),
      '--out',
      path(`${signer}.sig`),
      '--yes',
      ...bench.keyOf(signer),
    )
  const signatures = signers.map((signer) => path(`${signer}.sig`))
  return bench.run('ceremony', document, 'assemble', path('unsigned'), ...signatures, '--out', path('cbor'), ...more)
}

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(bench.path(name)))

const policySpec = (): object => ({
  namespace: 'gateway/prod',
  version: 1,
  issued: '2020-01-01T00:00:00Z',
  expires: bench.trust.now + 86_400 * 390,
  vendorDomain: 'vendor.example',
  classes: [{ model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }],
  persons: { 'manager-1': { keys: [{ publicKey: publicKeys.get('holder-1') }], roles: ['release-manager'] } },
  quorums: { sign: '1 of release-manager' },
  limits: { approvalLifeSeconds: 3_600 },
})

describe('a ceremony', () => {
  it('makes root 1 and policy 1 that verifiers take', async () => {
    expect((await hold('root', 'root-1', rootSpec(), ['holder-1', 'holder-3'])).exitCode).toBe(0)
    const state = anchorState(read('root-1.cbor'), nativeAlgorithms)
    expect([state.root.version, state.root.namespace, state.root.keys.size]).toEqual([1, 'gateway/prod', 10])
    const more = ['--root', bench.path('root-1.cbor')]
    expect((await hold('policy', 'policy-1', policySpec(), ['policy-1', 'policy-2'], more)).exitCode).toBe(0)
    const policy = openPolicy(state, read('policy-1.cbor'), null, bench.trust.now, nativeAlgorithms)
    expect(policy.persons.get('manager-1')?.roles).toEqual(['release-manager'])
    expect(policy.issued).toBe(1_577_836_800)
  })

  it('tells the holders of a policy which clients verify nothing of ours, and what is waived for them', async () => {
    const classes = [{ model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }]
    const spec = { ...policySpec(), version: 2, legacyClients: { ddi: { classes, waived: ['bundle-signature'] } } }
    await hold('policy', 'policy-2', spec, ['policy-1', 'policy-2'], ['--root', bench.path('root-1.cbor')])
    const state = anchorState(read('root-1.cbor'), nativeAlgorithms)
    const policy = openPolicy(state, read('policy-2.cbor'), null, bench.trust.now, nativeAlgorithms)
    const [classId] = policy.classes.keys()
    expect(findLegacyRule(policy, 'ddi', fromHex(classId ?? ''))?.waived).toEqual(['bundle-signature'])
    const words = ['ceremony', 'policy', 'sign', bench.path('policy-2.unsigned'), '--out', bench.path('p.sig'), '--yes']
    const output = await bench.must(...words, ...bench.keyOf('policy-1'))
    expect(output).toContainEqual(
      expect.stringMatching(/^ddi clients of class .*: are let in; they verify nothing of ours/),
    )
    expect(output).toContain('waived for ddi clients: bundle-signature')
  })

  it('writes no root with a signature too few, twice by one holder, or by somebody else', async () => {
    expect((await hold('root', 'alone', rootSpec(), ['holder-1'])).errors[0]).toBe(
      'refused: THRESHOLD_NOT_MET (role=root needed=2 counted=1)',
    )
    const twice = [bench.path('alone.holder-1.sig'), bench.path('alone.holder-1.sig')]
    const run = await bench.run(
      'ceremony',
      'root',
      'assemble',
      bench.path('alone.unsigned'),
      ...twice,
      '--out',
      bench.path('twice.cbor'),
    )
    expect(run.errors[0]).toContain('refused: SIGNATURE_DUPLICATE (keyId=')
    const { errors } = await hold('root', 'stranger', rootSpec(), ['holder-1', 'policy-1'])
    expect(errors[0]).toBe('refused: THRESHOLD_NOT_MET (role=root needed=2 counted=1)')
    expect(() => read('twice.cbor')).toThrow()
  })

  it('refuses a signature that was made over another root', async () => {
    await hold('root', 'former', rootSpec({ epoch: 2 }), ['holder-1', 'holder-2'])
    writeFileSync(bench.path('now.json'), JSON.stringify(rootSpec({ epoch: 3 })))
    await bench.must('ceremony', 'root', 'make', '--spec', bench.path('now.json'), '--out', bench.path('now.unsigned'))
    const { errors } = await bench.run(
      'ceremony',
      'root',
      'assemble',
      bench.path('now.unsigned'),
      bench.path('former.holder-1.sig'),
      '--out',
      bench.path('now.cbor'),
    )
    expect(errors[0]).toContain('refused: DIGEST_MISMATCH (what=')
  })

  it('refuses a spec that gives one key two roles, names a key twice, or a wrong thumbprint', async () => {
    const make = async (spec: object): Promise<string> => {
      writeFileSync(bench.path('bad.json'), JSON.stringify(spec))
      const words = ['ceremony', 'root', 'make', '--spec', bench.path('bad.json'), '--out', bench.path('bad.unsigned')]
      return (await bench.run(...words)).errors[0] ?? ''
    }
    const named = 'why=this key is named already)'
    expect(await make(rootSpec({}, { krl: role(1, 'holder-1') }))).toBe(
      `refused: REQUEST_INVALID (field=roles.krl.keys.0 ${named}`,
    )
    expect(await make(rootSpec({}, { krl: role(2, 'krl', 'krl') }))).toBe(
      `refused: REQUEST_INVALID (field=roles.krl.keys.1 ${named}`,
    )
    const wrong = { threshold: 1, keys: [{ ...entry('krl'), keyId: '0'.repeat(64) }] }
    expect(await make(rootSpec({}, { krl: wrong }))).toBe(
      'refused: REQUEST_INVALID (field=roles.krl.keys.0 why=keyId is not the thumbprint of publicKey)',
    )
    expect(await make(rootSpec({ surprise: 1 }))).toContain('refused: REQUEST_INVALID (field=')
  })

  it('makes a successor that a holder of root 1 takes, and says in words what it changes', async () => {
    const previous = ['--previous', bench.path('root-1.cbor')]
    const spec = rootSpec({ version: 2 }, { 'manifest-a': role(1, 'next-manifest') })
    expect((await hold('root', 'root-2', spec, ['holder-2', 'holder-3'], previous)).exitCode).toBe(0)
    const state = takeRoot(anchorState(read('root-1.cbor'), nativeAlgorithms), read('root-2.cbor'), nativeAlgorithms)
    expect(state.root.version).toBe(2)
    const words = [
      'ceremony',
      'root',
      'sign',
      bench.path('root-2.unsigned'),
      ...previous,
      '--out',
      bench.path('h1.sig'),
    ]
    const output = await bench.must(...words, '--yes', ...bench.keyOf('holder-1'))
    expect(output).toContain('Root 2 follows root 1 of gateway/prod.')
    expect(output.filter((line) => line.startsWith('Role '))).toEqual([
      expect.stringMatching(/^Role manifest-a gains key [0-9a-f]{64}, /),
      expect.stringMatching(/^Role manifest-a loses key [0-9a-f]{64}\.$/),
    ])
  })

  it('refuses a successor that leaves a version out', async () => {
    const previous = ['--previous', bench.path('root-1.cbor')]
    const { errors } = await hold('root', 'root-3', rootSpec({ version: 3 }), ['holder-1', 'holder-2'], previous)
    expect(errors[0]).toBe('refused: ROOT_VERSION (expected=2 found=3)')
  })

  it('of people with P-256 keys makes a root that allows them, and refuses one that does not', async () => {
    const people = ['holder-4', 'holder-5']
    for (const person of people) await createKey(person, '--algorithm', 'esp256')
    const roles = { root: role(2, ...people) }
    const spec = bench.path('second-profile.json')
    writeFileSync(spec, JSON.stringify(rootSpec({}, roles)))
    const refused = await bench.run('ceremony', 'root', 'make', '--spec', spec, '--out', bench.path('never'))
    expect(refused.errors[0]).toMatch(/^refused: REQUEST_INVALID \(field=algorithms why=-9 of key [0-9a-f]{64} is not/)
    const allowed = rootSpec({ algorithms: [-19, -9] }, roles)
    expect((await hold('root', 'second-profile', allowed, people)).exitCode).toBe(0)
    const { root } = anchorState(read('second-profile.cbor'), nativeAlgorithms)
    expect(root.roles.get('root')?.keyIds.map((keyId) => root.keys.get(keyId)?.alg)).toEqual([-9, -9])
  })
})
