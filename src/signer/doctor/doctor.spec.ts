import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ScriptedToken } from '../../../test/support/scripted-cryptoki.js'
import { HandClock, SignerFixture } from '../../../test/support/signer-fixture.js'
import { ED25519 } from '../../domain/cose/algorithms.js'
import { CKA, CKF, CKM } from '../../token/cryptoki.js'
import { generateKey } from '../../token/generate-key.js'
import { examine, machineParts, type DoctorParts } from './doctor.js'
import type { StepReport } from './step.js'

const tokenSteps = ['module file', 'module', 'slots', 'token', 'PIN', 'login', 'keys', 'attributes', 'mechanisms']
const signerSteps = ['root', 'state folder', 'journal', 'keys in the root', 'published folder', 'socket folder']
const allSteps = ['settings', ...tokenSteps, 'signatures', ...signerSteps, 'sandbox', 'clock']

let fixture: SignerFixture
let scratch: string
beforeAll(async () => {
  fixture = await SignerFixture.make()
  await fixture.signFirstKrl(await fixture.start('release'))
  await fixture.start('online')
  scratch = mkdtempSync(join(tmpdir(), 'countersign-doctor-'))
})
afterAll(async () => {
  await fixture.dispose()
  rmSync(scratch, { recursive: true })
})

type Change = Readonly<Record<string, string | undefined>>
const environment = (change: Change = {}, name: 'release' | 'online' = 'release'): Change => ({
  ...fixture.config(name),
  ...change,
})
/** The clock of the fixture: its signers saw no other. */
const parts = (change: Partial<DoctorParts> = {}): DoctorParts => ({
  ...machineParts(),
  clock: fixture.clock,
  uptime: fixture.uptime,
  ...change,
})
function inScratch(name: string, content: string | Uint8Array): string {
  writeFileSync(join(scratch, name), content)
  return join(scratch, name)
}
const failureOf = (reports: readonly StepReport[]): StepReport | undefined =>
  reports.find(({ outcome }) => outcome === 'failed')
const stepsThat = (outcome: StepReport['outcome'], reports: readonly StepReport[]): string[] =>
  reports.filter((report) => report.outcome === outcome).map(({ step }) => step)

/** A module that follows a script, with one key in its token. */
async function scripted(change: (script: ScriptedToken) => void): Promise<Partial<DoctorParts>> {
  const script = new ScriptedToken()
  await generateKey(script.access(), { role: 'manifest-a', algorithm: ED25519 }, () => script)
  change(script)
  return { openModule: () => script }
}

/** A copy of the release signer’s state, spoilt. */
function copiedState(name: string, spoil: (folder: string) => void): string {
  const folder = join(scratch, name)
  const from = fixture.config('release').SIGNER_STATE_DIR
  cpSync(from, folder, { recursive: true, filter: (path) => !path.includes('lock') })
  for (const end of ['mark', 'host']) cpSync(`${from}.${end}`, `${folder}.${end}`)
  spoil(folder)
  return folder
}

describe('the doctor', () => {
  it.each(['release', 'online'] as const)(
    'finds nothing at a %s signer that serves, and changes nothing',
    async (name) => {
      const folder = fixture.config(name).SIGNER_STATE_DIR
      const before = [readFileSync(join(folder, 'journal')), readdirSync(fixture.folder, { recursive: true })]
      const reports = await examine(environment({}, name), parts())
      expect(reports.map(({ step }) => step)).toEqual(allSteps)
      // That of a laptop, and no other.
      expect(stepsThat('warning', reports)).toEqual(['sandbox'])
      expect(stepsThat('ok', reports)).toHaveLength(allSteps.length - 1)
      expect(reports.find(({ step }) => step === 'state folder')?.found).toContain('a signer is active on it')
      expect([readFileSync(join(folder, 'journal')), readdirSync(fixture.folder, { recursive: true })]).toEqual(before)
    },
  )

  it('finds nothing before the first start either, and makes nothing', async () => {
    const [state, published] = [join(scratch, 'new-state'), join(scratch, 'new-published')]
    const change = { SIGNER_STATE_DIR: state, SIGNER_PUBLISHED_DIR: published }
    const reports = await examine(environment(change), parts())
    expect(failureOf(reports)).toBeUndefined()
    expect(reports.find(({ step }) => step === 'journal')?.found).toBe('none yet; the first start makes it')
    expect(readdirSync(scratch)).not.toContain('new-state')
    expect(readdirSync(scratch)).not.toContain('new-published')
  })

  it.each<[step: string, what: string, code: RegExp, () => Change]>([
    ['settings', 'a setting that is missing', /^CONFIGURATION$/, () => ({ SIGNER_PROCESS: undefined })],
    ['settings', 'a PIN in the environment', /^CONFIGURATION$/, () => ({ PKCS11_PIN: '24680-user' })],
    ['module file', 'no such file', /^FILE_UNREADABLE$/, () => ({ PKCS11_MODULE: '/nowhere/module.so' })],
    ['module', 'a file that is no library', /^TOKEN_MODULE$/, () => ({ PKCS11_MODULE: inScratch('text.so', 'text') })],
    ['token', 'another label', /^TOKEN_FAILED$/, () => ({ PKCS11_TOKEN_LABEL: 'other' })],
    [
      'token',
      'keys in plain files in profile production',
      /^TOKEN_MODULE$/,
      () => ({ PROFILE: 'production', SIGNER_SANDBOX: 'required' }),
    ],
    ['PIN', 'no PIN file', /^FILE_UNREADABLE$/, () => ({ PKCS11_PIN_FILE: join(scratch, 'no-pin') })],
    ['PIN', 'an empty PIN file', /^TOKEN_PIN$/, () => ({ PKCS11_PIN_FILE: inScratch('empty', '') })],
    ['root', 'no root', /^FILE_UNREADABLE$/, () => ({ SIGNER_ROOT_FILE: '/nowhere/root' })],
    ['root', 'a root that is none', /^CBOR_/, () => ({ SIGNER_ROOT_FILE: inScratch('root', Uint8Array.of(0xff)) })],
    ['root', 'the root of another namespace', /^WRONG_NAMESPACE$/, () => ({ SIGNER_NAMESPACE: 'gateway/stage' })],
    ['state folder', 'no place for it', /^SIGNER_STORAGE$/, () => ({ SIGNER_STATE_DIR: '/nowhere/state' })],
    ['state folder', 'no host id', /^FILE_UNREADABLE$/, () => ({ SIGNER_HOST_ID_FILE: '/nowhere/machine-id' })],
    [
      'journal',
      'a byte of it that was changed',
      /^JOURNAL_BROKEN$/,
      () => ({
        SIGNER_STATE_DIR: copiedState('changed', (folder) => {
          const bytes = readFileSync(join(folder, 'journal'))
          bytes[100] = (bytes[100] ?? 0) ^ 1
          writeFileSync(join(folder, 'journal'), bytes)
        }),
      }),
    ],
    [
      'journal',
      'that of the other process',
      /^SIGNER_STATE$/,
      () => ({ SIGNER_STATE_DIR: fixture.config('online').SIGNER_STATE_DIR }),
    ],
    ['published folder', 'no place for it', /^SIGNER_STORAGE$/, () => ({ SIGNER_PUBLISHED_DIR: '/nowhere/published' })],
    ['socket folder', 'no such folder', /^SIGNER_STORAGE$/, () => ({ SIGNER_SOCKET: '/nowhere/s' })],
  ])('names the step "%s" for %s', async (step, _, code, change) => {
    const reports = await examine(environment(change()), parts())
    expect(failureOf(reports)).toMatchObject({ step, code: expect.stringMatching(code), next: expect.any(String) })
    expect(JSON.stringify(reports)).not.toContain('24680')
  })

  it.each<[step: string, what: string, code: string, (script: ScriptedToken) => void]>([
    ['slots', 'readers without a token', 'TOKEN_FAILED', (script) => (script.C_GetSlotList = () => [])],
    [
      'slots',
      'a module without an answer',
      'TOKEN_FAILED',
      (script) => script.fail('C_GetSlotList', 'CKR_DEVICE_ERROR'),
    ],
    ['login', 'a wrong PIN', 'TOKEN_PIN', (script) => script.fail('C_Login', 'CKR_PIN_INCORRECT')],
    ['login', 'the last try before it locks', 'TOKEN_PIN', (script) => (script.tokenFlags |= CKF.USER_PIN_FINAL_TRY)],
    ['login', 'a token without sessions', 'TOKEN_FAILED', (script) => (script.mostSessions = 0)],
    ['keys', 'a token without keys', 'TOKEN_KEY_MISSING', (script) => (script.C_FindObjects = () => [])],
    ['attributes', 'a key that may leave', 'TOKEN_KEY_ATTRIBUTE', (script) => script.spoil(CKA.EXTRACTABLE, true)],
    [
      'mechanisms',
      'a token that does not sign so',
      'TOKEN_FAILED',
      (script) => (script.C_GetMechanismList = () => [CKM.ECDSA]),
    ],
    [
      'signatures',
      'a token that fails to',
      'TOKEN_FAILED',
      (script) => script.fail('C_SignAsync', 'CKR_DEVICE_MEMORY'),
    ],
    ['signatures', 'a token that signs wrongly', 'TOKEN_FAILED', (script) => (script.mostParallel = 0)],
    ['keys in the root', 'keys that no root lists', 'SIGNER_KEY_MISSING', () => undefined],
  ])('names the step "%s" for %s', async (step, _, code, change) => {
    const reports = await examine(environment({ PKCS11_TOKEN_LABEL: 'scripted' }), parts(await scripted(change)))
    expect(failureOf(reports)).toMatchObject({ step, code, next: expect.any(String) })
  })

  it('names the step "published folder" for an online signer whose release signer never ran', async () => {
    const change = { SIGNER_PUBLISHED_DIR: join(scratch, 'never') }
    const reports = await examine(environment(change, 'online'), parts())
    expect(failureOf(reports)).toMatchObject({ step: 'published folder', code: 'SIGNER_STORAGE' })
  })

  it('names the step "sandbox" for a network in reach', async () => {
    const view = { read: () => 'Iface\tDestination\neth0\t00000000\n' }
    const reports = await examine(environment({ SIGNER_SANDBOX: 'required' }), parts({ view }))
    expect(failureOf(reports)).toMatchObject({ step: 'sandbox', code: 'SANDBOX_UNAVAILABLE' })
    expect(stepsThat('failed', reports)).toEqual(['sandbox'])
  })

  it('names the step "clock" for one that is behind what the journal saw', async () => {
    const reports = await examine(environment(), parts({ clock: new HandClock(fixture.clock.seconds - 3_600) }))
    expect(failureOf(reports)).toMatchObject({ step: 'clock', code: 'CLOCK_BEHIND' })
  })

  it('looks at everything that does not hang on what failed', async () => {
    const reports = await examine(environment({ PKCS11_MODULE: '/nowhere/module.so' }), parts())
    const unreached = ['module', 'slots', 'token', 'login', 'keys', 'attributes', 'mechanisms', 'signatures']
    expect(stepsThat('failed', reports)).toEqual(['module file'])
    expect(stepsThat('not-reached', reports)).toEqual([...unreached, 'keys in the root'])
  })

  it('tries a wrong PIN once', async () => {
    const wrong = await scripted((script) => {
      script.fail('C_Login', 'CKR_PIN_INCORRECT', 'CKR_PIN_INCORRECT')
    })
    const script = wrong.openModule?.('') as ScriptedToken
    script.calls.length = 0
    await examine(environment({ PKCS11_TOKEN_LABEL: 'scripted' }), parts(wrong))
    expect(script.count('C_Login')).toBe(1)
  })

  it('warns of a PIN that everybody may read, of state that was put back, and of a signer that is suspended', async () => {
    const pinFile = inScratch('open-pin', fixture.token.pin)
    const warned = async (change: Change): Promise<string[]> =>
      stepsThat('warning', await examine(environment(change), parts()))
    expect(await warned({ PKCS11_PIN_FILE: pinFile })).toEqual(['PIN', 'sandbox'])
    const putBack = copiedState('put-back', (folder) => writeFileSync(`${folder}.mark`, `999 ${'0'.repeat(64)}\n`))
    expect(await warned({ SIGNER_STATE_DIR: putBack })).toEqual(['journal', 'sandbox'])
    const moved = copiedState('moved', (folder) => writeFileSync(`${folder}.host`, 'another host'))
    const here = { SIGNER_STATE_DIR: moved, SIGNER_SOCKET: join(scratch, 's') }
    await fixture.start('release', here)
    const suspended = await examine(environment(here), parts())
    expect(stepsThat('warning', suspended)).toEqual(['journal', 'sandbox'])
    expect(suspended.find(({ step }) => step === 'journal')?.next).toContain('the signer is suspended')
  })
})
