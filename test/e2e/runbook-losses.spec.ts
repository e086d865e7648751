import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { ED25519, nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { checkEnvelope } from '../../src/domain/trust/check-envelope.js'
import type { RootKey } from '../../src/domain/trust/root.js'
import { anchorState } from '../../src/domain/trust/trust-state.js'
import { openModule } from '../../src/token/cryptoki-module.js'
import { CKU } from '../../src/token/cryptoki.js'
import { generateKey } from '../../src/token/generate-key.js'
import { closeSession, openSession } from '../../src/token/token-session.js'
import { requireTokenSlot } from '../../src/token/token-slot.js'
import { CeremonyTable, requireDone } from '../support/ceremony-table.js'
import { createScratchToken, type ScratchToken } from '../support/scratch-token.js'
import { imageOf, piecesOf, SignerFixture } from '../support/signer-fixture.js'
import { SignerProcess } from '../support/signer-process.js'

/** docs/runbooks/keys-and-people.md, step by step, on the signer's own program. */
describe('a lost token, as the runbook has it', () => {
  let fixture: SignerFixture
  let spare: ScratchToken
  const running: SignerProcess[] = []
  beforeEach(async () => {
    fixture = await SignerFixture.make()
    spare = createScratchToken('spare')
  })
  afterEach(async () => {
    for (const signer of running.splice(0)) await signer.stop()
    spare.dispose()
    await fixture.dispose()
  })

  const inSpare = (): Readonly<Record<string, string>> => ({
    SOFTHSM2_CONF: join(spare.folder, 'softhsm2.conf'),
    PKCS11_TOKEN_LABEL: spare.label,
    PKCS11_PIN_FILE: spare.pinFile,
  })
  async function start(environment: Readonly<Record<string, string>> = {}): Promise<SignerProcess> {
    const signer = await SignerProcess.start(fixture, 'release', { environment })
    running.push(signer)
    return signer
  }

  /** The next root, in which keys of the other token have the roles. */
  async function rootOfSpare(): Promise<Uint8Array> {
    const { root } = fixture.trust
    const keys = new Map<string, RootKey>(root.keys)
    const roles = new Map(root.roles)
    for (const role of ['manifest-a', 'krl'] as const) {
      for (const old of root.roles.get(role)?.keyIds ?? []) keys.delete(old)
      const { key, keyId, algorithm: alg } = await generateKey(spare, { role, algorithm: ED25519 })
      keys.set(keyId, { keyId, key, alg, notBefore: root.issued, notAfter: root.expires })
      roles.set(role, { threshold: 1, keyIds: [keyId] })
    }
    return (await fixture.trust.nextRoot({ keys, roles })).bytes
  }

  it('ends the signer; with a root that lists keys of another token it goes on where it was', async () => {
    const before = await start()
    const client = before.client()
    const krl = await fixture.signFirstKrl(client)
    await fixture.signRelease(client, 1)
    await before.stop()
    running.length = 0
    rmSync(join(fixture.token.folder, 'tokens'), { recursive: true })
    await expect(start()).rejects.toThrow(/TOKEN_FAILED|TOKEN_MODULE/)
    const nextRoot = await rootOfSpare()
    const trust = fixture.courier({ roots: [fixture.trust.rootBytes, nextRoot] })
    const signer = (await start(inSpare())).client()
    await signer.request('import', { trust })
    const image = imageOf(2)
    await signer.hashImage(piecesOf(image), image.length)
    const { envelope } = await signer.request('sign', { ...(await fixture.signRequest(2)), trust })
    const state = anchorState(nextRoot, nativeAlgorithms)
    const { countedKeyIds } = checkEnvelope(state, envelope, null, fixture.clock.seconds, nativeAlgorithms)
    expect(countedKeyIds).toEqual(state.root.roles.get('manifest-a')?.keyIds)
    // The list of the lost key goes on being obeyed; the next one is by the new key.
    const next = fixture.trust.krl({ number: 2, previousSha256: sha256(krl) })
    const { krl: renewed } = await signer.request('krl', { ...(await fixture.krlRequest(next)), trust })
    expect(toHex(parseSign1(renewed, 4_096).keyId ?? new Uint8Array(0))).toBe(state.root.roles.get('krl')?.keyIds[0])
  }, 120_000)

  it('with a PIN that does not open it any more is not tried again and again, and starts with the one set anew', async () => {
    await rootOfSpare()
    writeFileSync(spare.pinFile, 'forgotten\n')
    await expect(start(inSpare())).rejects.toThrow('TOKEN_PIN')
    setPin(spare, '97531-anew')
    writeFileSync(spare.pinFile, '97531-anew\n')
    const signer = await start(inSpare())
    expect(signer.output).toContain('"signer.serving"')
  }, 120_000)
})

/** What a maker's tool does for the token's security officer. */
function setPin({ modulePath, label }: ScratchToken, pin: string): void {
  const module = openModule(modulePath)
  const { cryptoki } = module
  const session = openSession(cryptoki, requireTokenSlot(cryptoki, { label }).slot, 'write')
  cryptoki.C_Login(session, CKU.SO, '13579-officer')
  cryptoki.C_InitPIN(session, pin)
  cryptoki.C_Logout(session)
  closeSession(cryptoki, session)
  module.release()
}

describe('a lost root holder, as the runbook has it', () => {
  let table: CeremonyTable
  beforeEach(async () => {
    table = await CeremonyTable.make()
    requireDone(await table.hold('root', 'root-1', table.rootSpec(), ['holder-1', 'holder-2']))
  })
  afterEach(() => table.close())

  it('is replaced by the holders who are left, while they are as many as the threshold', async () => {
    await table.createKey('holder-4')
    const root = table.role(2, 'holder-1', 'holder-2', 'holder-4')
    const spec = table.rootSpec({ version: 2 }, { root })
    const previous = ['--previous', table.path('root-1.cbor')]
    requireDone(await table.hold('root', 'root-2', spec, ['holder-1', 'holder-2'], previous))
    const verified = await table.run('root', 'verify', table.path('root-2.cbor'), ...previous)
    expect(verified).toMatchObject({ exitCode: 0 })
    // From then on the new holder counts, and the lost one does not.
    const later = table.rootSpec({ version: 3 }, { root })
    const after = ['--previous', table.path('root-2.cbor')]
    requireDone(await table.hold('root', 'root-3', later, ['holder-1', 'holder-4'], after))
    expect((await table.sign('root', 'root-3', 'holder-3', after)).errors[0]).toContain('refused: KEY_UNKNOWN')
  })

  it('leaves nobody to sign below the threshold', async () => {
    const root = table.role(1, 'holder-1')
    const spec = table.rootSpec({ version: 2 }, { root })
    const previous = ['--previous', table.path('root-1.cbor')]
    const alone = await table.hold('root', 'root-2', spec, ['holder-1'], previous)
    expect(alone.errors[0]).toContain('refused: THRESHOLD_NOT_MET (role=root needed=2 counted=1)')
  })
})
