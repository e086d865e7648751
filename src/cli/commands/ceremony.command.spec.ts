import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { CeremonyTable, requireDone } from '../../../test/support/ceremony-table.js'
import { fromHex, sha256Hex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { findLegacyRule } from '../../domain/trust/legacy-clients.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import { anchorState } from '../../domain/trust/trust-state.js'
import { takeRoot } from '../../domain/trust/walk-root.js'

let table: CeremonyTable
beforeAll(async () => {
  table = await CeremonyTable.make()
  requireDone(await table.hold('root', 'root-1', table.rootSpec(), ['holder-1', 'holder-3']))
  requireDone(await table.hold('policy', 'policy-1', table.policySpec(), ['policy-1', 'policy-2'], underRoot()))
})
afterAll(() => table.close())

const underRoot = (): string[] => ['--root', table.path('root-1.cbor')]
const after = (name: string): string[] => ['--previous', table.path(`${name}.cbor`)]

describe('a ceremony', () => {
  it('makes root 1 and policy 1 that verifiers take', () => {
    const state = anchorState(table.read('root-1.cbor'), nativeAlgorithms)
    expect([state.root.version, state.root.namespace, state.root.keys.size]).toEqual([1, 'gateway/prod', 10])
    const policy = openPolicy(state, table.read('policy-1.cbor'), null, table.bench.trust.now, nativeAlgorithms)
    expect(policy.persons.get('manager-1')?.roles).toEqual(['release-manager'])
    expect(policy.issued).toBe(1_577_836_800)
  })

  it('tells the holders of a policy which clients verify nothing of ours, and what is waived for them', async () => {
    const classes = [{ model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }]
    const spec = table.policySpec({ version: 2, legacyClients: { ddi: { classes, waived: ['bundle-signature'] } } })
    const more = [...underRoot(), ...after('policy-1')]
    requireDone(await table.hold('policy', 'policy-2', spec, ['policy-1', 'policy-2'], more))
    const state = anchorState(table.read('root-1.cbor'), nativeAlgorithms)
    const policy = openPolicy(state, table.read('policy-2.cbor'), null, table.bench.trust.now, nativeAlgorithms)
    const [classId] = policy.classes.keys()
    expect(findLegacyRule(policy, 'ddi', fromHex(classId ?? ''))?.waived).toEqual(['bundle-signature'])
    const { output } = await table.run('policy', 'show', table.path('policy-2.unsigned'), ...more)
    expect(output).toContainEqual(
      expect.stringMatching(/^ddi clients of class .*: are let in; they verify nothing of ours/),
    )
    expect(output).toContain('New: waived for ddi clients: bundle-signature.')
  })

  it('writes no root with a signature too few, or twice by one holder', async () => {
    expect((await table.hold('root', 'alone', table.rootSpec(), ['holder-1'])).errors[0]).toBe(
      'refused: THRESHOLD_NOT_MET (role=root needed=2 counted=1)',
    )
    const twice = await table.assemble('root', 'alone', ['holder-1', 'holder-1'])
    expect(twice.errors[0]).toContain('refused: SIGNATURE_DUPLICATE (keyId=')
    expect(() => table.read('alone.cbor')).toThrow()
  })

  it('makes the same document of the same signatures in any order, and another of fewer that says the same', async () => {
    const holders = ['holder-1', 'holder-2', 'holder-3']
    requireDone(await table.hold('root', 'in-order', table.rootSpec(), holders))
    const assemble = async (out: string, ...names: string[]): Promise<Uint8Array> => {
      const files = names.map((name) => table.path(`in-order.${name}.sig`))
      const to = ['--out', table.path(`${out}.cbor`)]
      requireDone(await table.run('root', 'assemble', table.path('in-order.unsigned'), ...files, ...to))
      return table.read(`${out}.cbor`)
    }
    expect(await assemble('turned', ...holders.toReversed())).toEqual(table.read('in-order.cbor'))
    const fewer = await assemble('fewer', 'holder-3', 'holder-1')
    expect(fewer.length).toBeLessThan(table.read('in-order.cbor').length)
    expect(anchorState(fewer, nativeAlgorithms).root).toEqual(
      anchorState(table.read('in-order.cbor'), nativeAlgorithms).root,
    )
  })

  it('lets nobody sign whose signature would not count', async () => {
    await table.propose('root', 'strangers', table.rootSpec())
    expect((await table.sign('root', 'strangers', 'policy-1')).errors[0]).toMatch(
      /^refused: KEY_UNKNOWN \(keyId=[0-9a-f]{64} role=root\)$/,
    )
    await table.propose('policy', 'strangers-2', table.policySpec(), underRoot())
    expect((await table.sign('policy', 'strangers-2', 'holder-1', underRoot())).errors[0]).toContain('role=policy)')
  })

  it('tells the next holder every file that they need', async () => {
    const { output } = await table.propose('policy', 'told', table.policySpec(), underRoot())
    const [, command = ''] = /^next: countersign ceremony (.*), by each holder$/.exec(output.at(-1) ?? '') ?? []
    const signed = command.replace('--key FILE --out FILE', `--key ${table.path('policy-1.key')} --out never --dry-run`)
    const [document = '', verb = '', ...words] = signed.split(' ')
    expect((await table.run(document, verb, ...words)).output.at(-1)).toMatch(/^dry run/)
  })

  it('says of a file that is there, before it asks anybody for a passphrase, and leaves both files or none', async () => {
    requireDone(await table.hold('root', 'taken', table.rootSpec(), ['holder-1', 'holder-2']))
    writeFileSync(table.path('wrong'), 'not the passphrase\n')
    const key = ['--key', table.path('holder-1.key'), '--passphrase-file', table.path('wrong'), '--yes']
    const to = (name: string): string[] => ['--out', table.path(name)]
    const sign = (out: string) => table.run('root', 'sign', table.path('taken.unsigned'), ...key, ...to(out))
    expect((await sign('taken.holder-1.sig')).errors[0]).toContain('refused: FILE_EXISTS (path=')
    // A rehearsal is refused for what the act would be refused for.
    const spec = ['--spec', table.path('taken.json')]
    expect((await table.run('root', 'propose', ...spec, ...to('taken.unsigned'), '--dry-run')).errors[0]).toContain(
      'FILE_EXISTS',
    )
    const rehearsed = await table.run(
      'root',
      'sign',
      table.path('taken.unsigned'),
      ...key,
      '--dry-run',
      ...to('taken.json'),
    )
    expect(rehearsed.errors[0]).toContain('FILE_EXISTS')
    // The passphrase would have been asked for.
    expect((await sign('another.sig')).errors[0]).toContain('refused: PASSPHRASE_WRONG')
    writeFileSync(table.path('minutes.cbor.transcript.json'), 'of another ceremony')
    const parts = ['holder-1', 'holder-2'].map((name) => table.path(`taken.${name}.sig`))
    const assembled = await table.run('root', 'assemble', table.path('taken.unsigned'), ...parts, ...to('minutes.cbor'))
    expect(assembled.errors[0]).toContain('refused: FILE_EXISTS (path=')
    expect(() => table.read('minutes.cbor')).toThrow()
  })

  it('refuses a signature that was made over another root', async () => {
    await table.hold('root', 'former', table.rootSpec({ epoch: 2 }), ['holder-1', 'holder-2'])
    requireDone(await table.propose('root', 'now', table.rootSpec({ epoch: 3 })))
    const files = [table.path('now.unsigned'), table.path('former.holder-1.sig'), '--out', table.path('now.cbor')]
    expect((await table.run('root', 'assemble', ...files)).errors[0]).toContain('refused: DIGEST_MISMATCH (what=')
  })

  it('refuses a spec that gives one key two roles, names a key twice, or a wrong thumbprint', async () => {
    const refusalOf = async (spec: object): Promise<string> =>
      (await table.propose('root', 'bad', spec)).errors[0] ?? ''
    const { rootSpec, role, entry } = { rootSpec: table.rootSpec.bind(table), role: table.role, entry: table.entry }
    const named = 'why=this key is named already)'
    expect(await refusalOf(rootSpec({}, { krl: role(1, 'holder-1') }))).toBe(
      `refused: REQUEST_INVALID (field=roles.krl.keys.0 ${named}`,
    )
    expect(await refusalOf(rootSpec({}, { krl: role(2, 'krl', 'krl') }))).toBe(
      `refused: REQUEST_INVALID (field=roles.krl.keys.1 ${named}`,
    )
    const wrong = { threshold: 1, keys: [{ ...entry('krl'), keyId: '0'.repeat(64) }] }
    expect(await refusalOf(rootSpec({}, { krl: wrong }))).toBe(
      'refused: REQUEST_INVALID (field=roles.krl.keys.0 why=keyId is not the thumbprint of publicKey)',
    )
    expect(await refusalOf(rootSpec({ surprise: 1 }))).toContain('refused: REQUEST_INVALID (field=')
  })

  it('of people with P-256 keys makes a root that allows them, and refuses one that does not', async () => {
    const people = ['holder-4', 'holder-5']
    for (const person of people) await table.createKey(person, '--algorithm', 'esp256')
    const roles = { root: table.role(2, ...people) }
    const refused = await table.propose('root', 'never', table.rootSpec({}, roles))
    expect(refused.errors[0]).toMatch(/^refused: REQUEST_INVALID \(field=algorithms why=-9 of key [0-9a-f]{64} is not/)
    const allowed = table.rootSpec({ algorithms: [-19, -9] }, roles)
    expect((await table.hold('root', 'second-profile', allowed, people)).exitCode).toBe(0)
    const { root } = anchorState(table.read('second-profile.cbor'), nativeAlgorithms)
    expect(root.roles.get('root')?.keyIds.map((keyId) => root.keys.get(keyId)?.alg)).toEqual([-9, -9])
  })
})

describe('a successor', () => {
  const spec = (): object => table.rootSpec({ version: 2 }, { 'manifest-a': table.role(1, 'next-manifest') })
  beforeAll(async () => {
    requireDone(await table.hold('root', 'root-2', spec(), ['holder-2', 'holder-3'], after('root-1')))
  })

  it('is taken by a holder of root 1', () => {
    const anchor = anchorState(table.read('root-1.cbor'), nativeAlgorithms)
    expect(takeRoot(anchor, table.read('root-2.cbor'), nativeAlgorithms).root.version).toBe(2)
  })

  it('tells each holder what it changes before they sign', async () => {
    const output = (await table.sign('root', 'root-2', 'holder-1', after('root-1'))).output
    expect(output.filter((line) => line.startsWith('Role ') || line.startsWith('Root '))).toEqual([
      expect.stringMatching(/^Root 2 of gateway\/prod, issued .* follows root 1/),
      expect.stringMatching(/^Role manifest-a gains key [0-9a-f]{64}, /),
      expect.stringMatching(/^Role manifest-a loses key [0-9a-f]{64}\.$/),
    ])
  })

  it.each([
    ['proposed', () => table.propose('root', 'blind', spec())],
    ['signed', () => table.sign('root', 'root-2', 'holder-1')],
    ['assembled', () => table.assemble('root', 'root-2', ['holder-2', 'holder-3'])],
  ])('is not %s without the version before', async (_, act) => {
    expect((await act()).errors[0]).toBe(
      'refused: REQUEST_INVALID (field=--previous why=needed: root 2 of gateway/prod follows another)',
    )
  })

  it('is not assembled from a signature of somebody who compared it with another version', async () => {
    requireDone(await table.hold('root', 'other-1', table.rootSpec({ epoch: 2 }), ['holder-1', 'holder-2']))
    await table.propose('root', 'split', table.rootSpec({ version: 2, epoch: 2 }), after('root-1'))
    requireDone(await table.sign('root', 'split', 'holder-1', after('root-1')))
    requireDone(await table.sign('root', 'split', 'holder-2', after('other-1')))
    const { errors } = await table.assemble('root', 'split', ['holder-1', 'holder-2'], after('root-1'))
    expect(errors[0]).toContain('refused: DIGEST_MISMATCH (what=the version before, in ')
    expect(errors[0]).toContain('split.holder-2.sig')
  })

  it('is refused when it leaves a version out', async () => {
    const { errors } = await table.propose('root', 'root-3', table.rootSpec({ version: 3 }), after('root-1'))
    expect(errors[0]).toBe('refused: ROOT_VERSION (expected=2 found=3)')
    const policy = await table.propose('policy', 'same', table.policySpec(), [...underRoot(), ...after('policy-1')])
    expect(policy.errors[0]).toBe('refused: POLICY_VERSION (held=1 offered=1)')
  })

  it('begins from the spec of the version before', async () => {
    for (const [document, more] of [
      ['root', []],
      ['policy', underRoot()],
    ] as const) {
      const { output } = await table.run(document, 'spec', table.path(`${document}-1.cbor`))
      const next = JSON.parse(output.join('\n')) as object
      const proposed = await table.propose(document, `${document}-next`, next, [...more, ...after(`${document}-1`)])
      expect(proposed.output.filter((line) => /^(New|Gone|Changed|Role)/.test(line))).toEqual(
        document === 'root' ? [] : [expect.stringMatching(/^Changed: expires: /)],
      )
      expect(proposed.exitCode).toBe(0)
    }
  })
})

describe('its transcript', () => {
  const transcript = (): string => table.path('root-1.cbor.transcript.json')

  it('says what was signed by whom, in the words that they read', async () => {
    const said = JSON.parse(readFileSync(transcript(), 'utf8')) as Record<string, unknown>
    expect(said).toMatchObject({
      title: 'root 1 of gateway/prod',
      fingerprint: sha256Hex(table.read('root-1.cbor')),
      payloadSha256: sha256Hex(table.read('root-1.unsigned')),
      follows: null,
      signatures: [
        { signer: 'holder-1', countsAs: 'root', signedAt: table.bench.trust.now },
        { signer: 'holder-3', countsAs: 'root' },
      ],
    })
    expect(said['says']).toContain('role root: 2 of 3')
    const { output } = await table.run('root', 'verify', table.path('root-1.cbor'), '--transcript', transcript())
    expect(output.at(-1)).toBe('root 1 of gateway/prod is whole, and its transcript fits it')
  })

  it.each(['title', 'fingerprint', 'payloadSha256', 'follows', 'says', 'changes', 'signatures'])(
    'is refused when its %s tells something else',
    async (name) => {
      const said = JSON.parse(readFileSync(transcript(), 'utf8')) as Record<string, unknown>
      const lie = { ...said, [name]: Array.isArray(said[name]) ? [] : 'another' }
      if (name === 'changes') lie['changes'] = ['Nothing changes.']
      writeFileSync(table.path('lie.json'), JSON.stringify(lie))
      const words = [table.path('root-1.cbor'), '--transcript', table.path('lie.json')]
      const { errors } = await table.run('root', 'verify', ...words)
      expect(errors[0]).toContain(`refused: DIGEST_MISMATCH (what=${name} of the transcript`)
    },
  )
})

describe('a dry run', () => {
  const filesNow = (): string[] => readdirSync(table.bench.folder, { recursive: true }).map(String).sort()
  const hashes = (): string[] =>
    filesNow().map((name) => {
      try {
        return `${name} ${sha256Hex(table.read(name))}`
      } catch {
        return name
      }
    })

  it('does everything but write: no file is made or changed', async () => {
    requireDone(await table.propose('root', 'dry', table.rootSpec()))
    for (const holder of ['holder-1', 'holder-2']) requireDone(await table.sign('root', 'dry', holder))
    writeFileSync(table.path('dry-2.json'), JSON.stringify(table.rootSpec({ epoch: 2 })))
    const before = hashes()
    const unsigned = table.path('dry.unsigned')
    const runs = [
      await table.run('root', 'propose', '--spec', table.path('dry-2.json'), '--out', table.path('p'), '--dry-run'),
      await table.run(
        'root',
        'sign',
        unsigned,
        ...table.bench.keyOf('holder-3'),
        '--out',
        table.path('s'),
        '--dry-run',
      ),
      await table.assemble('root', 'dry', ['holder-1', 'holder-2'], ['--dry-run']),
    ]
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
    expect(runs.map(({ output }) => output.some((line) => line.startsWith('dry run: nothing was signed')))).toEqual([
      true,
      true,
      true,
    ])
    expect(hashes()).toEqual(before)
  })

  it('refuses what would be refused', async () => {
    requireDone(await table.propose('root', 'dry-3', table.rootSpec()))
    requireDone(await table.sign('root', 'dry-3', 'holder-1'))
    const { errors } = await table.assemble('root', 'dry-3', ['holder-1'], ['--dry-run'])
    expect(errors[0]).toBe('refused: THRESHOLD_NOT_MET (role=root needed=2 counted=1)')
  })
})
