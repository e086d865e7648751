import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ED25519 } from '../../src/domain/cose/algorithms.js'
import { keyIdHexOf } from '../../src/domain/cose/cose-key.js'
import { showPersonKey } from '../../src/cli/person-key.js'
import { requireProgramFile } from '../../src/embedded/program-file.js'
import { CliHouse } from '../support/cli-house.js'
import { createScratchToken, type ScratchToken } from '../support/scratch-token.js'

type Answer = Readonly<Record<string, unknown>>
const run = promisify(execFile)

/**
 * People whose keys are in a PKCS#11 token, in front of the whole server, real signers and the signers' own token. Their commands
 * are processes of their own: it is another token, on another machine.
 */
describe('people with keys in a token', () => {
  let token: ScratchToken
  let house: CliHouse
  beforeAll(async () => {
    token = createScratchToken('people')
    house = await CliHouse.start()
    for (const person of ['engineer-1', 'manager-1', 'security-1', 'policy-1']) {
      const where = ['--token', token.modulePath, '--label', token.label, ...pin()]
      await inToken('security-1', 'key', 'create', '--person', person, '--out', keyFile(person), ...where)
    }
  }, 180_000)
  afterAll(async () => {
    await house.stop()
    token.dispose()
  })

  const pin = (): string[] => ['--pin-file', token.pinFile]
  const keyFile = (person: string): string => house.path(`${person}.token-key`)
  const signing = (person: string): string[] => ['--key', keyFile(person), ...pin()]

  async function inToken(person: string, ...words: readonly string[]): Promise<Answer> {
    const environment = {
      PATH: process.env['PATH'] ?? '',
      COUNTERSIGN_HOME: house.path(`homes/${person}`),
      SOFTHSM2_CONF: join(token.folder, 'softhsm2.conf'),
    }
    const program = [requireProgramFile('src/cli/main'), ...words, '--json']
    const { stdout } = await run(process.execPath, program, { env: environment, timeout: 60_000 })
    return JSON.parse(stdout) as Answer
  }

  it('sign the policy that lists them, in a ceremony, and the server and its signers take it', async () => {
    const { trust } = house.signers
    const key = showPersonKey(keyFile('policy-1')).publicKey
    const keyId = keyIdHexOf(key)
    const life = { notBefore: trust.root.issued, notAfter: trust.root.expires }
    const keys = new Map(trust.root.keys).set(keyId, { keyId, key, alg: ED25519, ...life })
    for (const old of trust.root.roles.get('policy')?.keyIds ?? []) keys.delete(old)
    const roles = new Map(trust.root.roles).set('policy', { threshold: 1, keyIds: [keyId] })
    const root = house.path('root-2.cbor')
    writeFileSync(root, (await trust.nextRoot({ keys, roles })).bytes)
    await house.must('security-1', 'trust', 'push', '--root', root)
    const before = house.path('policy-1.cbor')
    const spec = await inToken('security-1', 'ceremony', 'policy', 'spec', before)
    const file = house.path('policy-2.json')
    writeFileSync(file, JSON.stringify({ ...spec, persons: personsWithTokens(spec) }))
    const [unsigned, signature, signed] = ['unsigned', 'sig', 'cbor'].map((end) => house.path(`policy-2.${end}`))
    if (unsigned === undefined || signature === undefined || signed === undefined) throw new Error('no names')
    const under = ['--root', root, '--previous', before]
    await inToken('security-1', 'ceremony', 'policy', 'propose', '--spec', file, '--out', unsigned, ...under)
    const sign = ['ceremony', 'policy', 'sign', unsigned, '--out', signature, '--yes', ...under]
    await inToken('security-1', ...sign, ...signing('policy-1'))
    const assembly = ['ceremony', 'policy', 'assemble', unsigned, signature, '--out', signed]
    await inToken('security-1', ...assembly, ...under)
    await inToken('security-1', 'trust', 'push', '--policy', signed)
    const { policyVersion } = await inToken('security-1', 'signer', 'status', '--process', 'release')
    expect(policyVersion).toBe(2)
  }, 180_000)

  /** Three of them by the token from now on. */
  const personsWithTokens = (spec: Answer): object => {
    const persons = { ...(spec['persons'] as Record<string, object>) }
    for (const person of ['engineer-1', 'manager-1', 'security-1']) {
      const { publicKey } = JSON.parse(readFileSync(keyFile(person), 'utf8')) as { publicKey: string }
      persons[person] = { ...persons[person], keys: [{ publicKey }] }
    }
    return persons
  }

  it('submit and approve a release, which the signer then signs', async () => {
    const image = house.path('token-image')
    writeFileSync(image, randomBytes(3_000))
    const wish = ['--version', '1.0.0', '--class', 'gateway/rev-b/prod', ...signing('engineer-1')]
    const { requestId } = await inToken('engineer-1', 'firmware', 'upload', image, ...wish)
    const { id } = await inToken('engineer-1', 'release', 'create', '--request', String(requestId))
    await inToken('manager-1', 'release', 'approve', String(id), '--yes', ...signing('manager-1'))
    const [line] = await house.must(
      'manager-2',
      'release',
      'approve',
      String(id),
      '--json',
      ...house.signing('manager-2'),
    )
    expect(JSON.parse(line ?? '')).toMatchObject({ state: 'signed', approvals: [{ person: 'manager-1' }, {}] })
  }, 180_000)

  it('approve a revocation', async () => {
    const keyId = house.signers.keyIds.get('manifest-a') ?? ''
    const words = ['keys', 'revoke', keyId, '--reason', 'compromise', '--yes']
    const { id } = await inToken('security-1', ...words, ...signing('security-1'))
    const [line] = await house.must(
      'security-2',
      'keys',
      'approve',
      String(id),
      '--json',
      ...house.signing('security-2'),
    )
    expect(JSON.parse(line ?? '')).toMatchObject({ state: 'signed' })
  }, 180_000)
})
