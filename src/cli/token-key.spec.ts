import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { CHEAP_COST, CliBench, RecordingTerminal, type CommandResult } from '../../test/support/cli-bench.js'
import { ReleasePage } from '../../test/support/release-page.js'
import { ScriptedToken } from '../../test/support/scripted-cryptoki.js'
import { isTpmExpected, ScratchTpm } from '../../test/support/scratch-tpm.js'
import { createScratchToken, type ScratchToken, type TokenUnderTest } from '../../test/support/scratch-token.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519, ESP256 } from '../domain/cose/algorithms.js'
import { parseSign1 } from '../domain/cose/sign1.js'
import { Refusal } from '../domain/refusal.js'
import { generateKey } from '../token/generate-key.js'
import { createPersonKey, showPersonKey } from './person-key.js'
import { openTokenKey } from './token-key.js'

jest.setTimeout(60_000)
let bench: CliBench
let page: ReleasePage
beforeAll(async () => {
  bench = await CliBench.make({ root: { algorithms: [ED25519, ESP256] } })
  page = new ReleasePage(bench)
  await bench.login()
})
afterAll(() => bench.close())

const create = (token: TokenUnderTest, out: string, ...more: readonly string[]): Promise<CommandResult> =>
  bench.run(
    ...['key', 'create', '--person', 'manager-1', '--out', bench.path(out)],
    ...['--token', token.modulePath, '--label', token.label, '--pin-file', token.pinFile, ...more],
  )

let version = 1
/** A next policy that lists the key of the file as that of manager-1, and a release to approve. */
async function listAndShow(file: string): Promise<void> {
  const { trust } = bench
  const person = trust.policy.persons.get('manager-1')
  if (person === undefined) throw new Error('no manager-1')
  const keys = [showPersonKey(bench.path(file)).publicKey]
  const persons = new Map(trust.policy.persons).set('manager-1', { ...person, keys })
  const policy = await trust.nextPolicy({ persons, version: (version += 1) })
  bench.offer({ roots: [trust.rootBytes], policy: policy.bytes, krl: await trust.signKrl(trust.krl()) })
  await page.show()
}
const approve = (file: string, ...more: readonly string[]): Promise<CommandResult> =>
  bench.run('release', 'approve', 'r8', '--key', bench.path(file), '--yes', ...more)
const refused = async (result: Promise<CommandResult>, code: string): Promise<string> => {
  const { exitCode, errors } = await result
  expect([exitCode, errors.length]).toEqual([1, 2])
  expect(errors[0]).toContain(`refused: ${code}`)
  return errors.join('\n')
}

describe('a person’s key in SoftHSM', () => {
  let token: ScratchToken
  beforeAll(async () => {
    token = createScratchToken()
    expect(await create(token, 'soft.key')).toMatchObject({ exitCode: 0 })
  })
  afterAll(() => token.dispose())

  it('is named by a file without a secret, for its owner alone', () => {
    const file = JSON.parse(readFileSync(bench.path('soft.key'), 'utf8')) as object
    expect(Object.keys(file)).toEqual(['format', 'person', 'keyId', 'publicKey', 'token'])
    expect(file).toMatchObject({
      format: 'countersign-token-key/v1',
      token: { module: token.modulePath, label: 'scratch', serial: expect.stringMatching(/^[0-9a-f]{16}$/) },
    })
    expect(JSON.stringify(file)).not.toContain(token.pin)
    expect(statSync(bench.path('soft.key')).mode & 0o777).toBe(0o600)
  })

  it('approves a release with Ed25519, by a PIN from a file and by one that is typed', async () => {
    await listAndShow('soft.key')
    expect(await approve('soft.key', '--pin-file', token.pinFile)).toMatchObject({ exitCode: 0 })
    const terminal = new RecordingTerminal()
    terminal.isInteractive = true
    terminal.replies.push(token.pin)
    const words = ['release', 'approve', 'r8', '--key', bench.path('soft.key'), '--yes']
    expect(await bench.runAt(terminal, words)).toMatchObject({ exitCode: 0 })
    expect(page.approvals.map((bytes) => parseSign1(bytes, 4_096).alg)).toEqual([ED25519, ED25519])
  })

  it('may be reached by another module path on this machine', async () => {
    const file = JSON.parse(readFileSync(bench.path('soft.key'), 'utf8')) as { token: object }
    const moved = { ...file, token: { ...file.token, module: '/elsewhere/module.so' } }
    writeFileSync(bench.path('moved.key'), JSON.stringify(moved), { mode: 0o600 })
    await listAndShow('moved.key')
    await refused(approve('moved.key', '--pin-file', token.pinFile), 'TOKEN_MODULE')
    const here = ['--pin-file', token.pinFile, '--token', token.modulePath]
    expect(await approve('moved.key', ...here)).toMatchObject({ exitCode: 0 })
  })

  it('is refused with a wrong PIN, without one, and with a passphrase', async () => {
    await listAndShow('soft.key')
    writeFileSync(bench.path('wrong-pin'), '99999999\n')
    expect(await refused(approve('soft.key', '--pin-file', bench.path('wrong-pin')), 'TOKEN_PIN')).not.toContain(
      '99999999',
    )
    await refused(approve('soft.key'), 'CONFIGURATION (name=--pin-file')
    await refused(
      approve('soft.key', '--passphrase-file', bench.path('passphrase')),
      'CONFIGURATION (name=--passphrase-file',
    )
    expect(page.approvals).toEqual([])
  })

  it.each<[string, object, string]>([
    ['a token that is not there', { label: 'absent' }, 'TOKEN_FAILED'],
    ['a token of that label with another serial number', { serial: '0000000000000001' }, 'TOKEN_FAILED'],
    ['a module by a relative path', { module: 'module.so' }, 'FILE_UNREADABLE'],
  ])('is refused with %s', async (_, change, code) => {
    const file = JSON.parse(readFileSync(bench.path('soft.key'), 'utf8')) as { token: object }
    const changed = JSON.stringify({ ...file, token: { ...file.token, ...change } })
    writeFileSync(bench.path('changed.key'), changed, { mode: 0o600 })
    await listAndShow('soft.key')
    await refused(approve('changed.key', '--pin-file', token.pinFile), code)
  })

  it('is refused where the token does not hold the key that the file names', async () => {
    createPersonKey(bench.path('other.key'), 'manager-1', 'correct horse battery', CHEAP_COST)
    const { keyId, publicKey } = JSON.parse(readFileSync(bench.path('other.key'), 'utf8')) as Record<string, string>
    const file = JSON.parse(readFileSync(bench.path('soft.key'), 'utf8')) as object
    writeFileSync(bench.path('mismatched.key'), JSON.stringify({ ...file, keyId, publicKey }), { mode: 0o600 })
    await listAndShow('mismatched.key')
    await refused(approve('mismatched.key', '--pin-file', token.pinFile), 'TOKEN_KEY_MISSING')
  })

  it('is not used when others may change the file, which names a library that is run', async () => {
    writeFileSync(bench.path('open.key'), readFileSync(bench.path('soft.key')))
    chmodSync(bench.path('open.key'), 0o666)
    await listAndShow('soft.key')
    await refused(approve('open.key', '--pin-file', token.pinFile), 'FILE_UNREADABLE')
  })

  it('is made over no other file, and not without its token', async () => {
    await refused(create(token, 'soft.key'), 'FILE_EXISTS')
    await refused(create(token, 'none.key', '--label', 'absent'), 'TOKEN_FAILED')
    await refused(create(token, 'none.key', '--slot', '77'), 'TOKEN_FAILED')
    expect(existsSync(bench.path('none.key'))).toBe(false)
    expect(await create(token, 'none.key', '--pin', token.pin)).toMatchObject({ exitCode: 2 })
  })

  it('takes no token options for a key file that holds its key itself', async () => {
    const words = ['release', 'approve', 'r8', ...bench.keyOf('manager-2'), '--yes', '--token', token.modulePath]
    await refused(bench.run(...words), 'CONFIGURATION (name=--token')
  })
})

it('hands out no signature that is not by the key of the file, and signs nothing that was not asked for', async () => {
  const script = new ScriptedToken()
  const made = await generateKey(script.access(), { role: 'person', algorithm: ED25519 }, () => script)
  script.calls.length = 0
  const reference = {
    key: { person: 'manager-1', keyId: made.keyId, publicKey: made.key },
    place: { module: '/scripted', label: 'scripted', serial: '1' },
  }
  const signer = await openTokenKey(
    reference,
    () => '1234',
    () => script,
  )
  expect(script.count('C_SignInit')).toBe(0)
  expect(await signer.sign(utf8('message'))).toHaveLength(64)
  script.mostParallel = 0
  await expect(signer.sign(utf8('message'))).rejects.toEqual(
    new Refusal('TOKEN_FAILED', { step: 'verify the signature', why: 'it is not by the key of the key file' }),
  )
})

const onLinux = isTpmExpected ? describe : describe.skip
onLinux('a person’s key in a TPM', () => {
  let tpm: ScratchTpm
  beforeAll(async () => {
    tpm = await ScratchTpm.create('desk')
  })
  afterAll(() => tpm.dispose())

  it('approves a release with P-256', async () => {
    expect(await create(tpm, 'tpm.key', '--algorithm', 'esp256')).toMatchObject({ exitCode: 0 })
    await tpm.powerCycle()
    await listAndShow('tpm.key')
    // Opened twice by one command: once before anybody reads, once to sign.
    expect(await approve('tpm.key', '--pin-file', tpm.pinFile)).toMatchObject({ exitCode: 0 })
    expect(page.approvals.map((bytes) => parseSign1(bytes, 4_096).alg)).toEqual([ESP256])
  })
})
