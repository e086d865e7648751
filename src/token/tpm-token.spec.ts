import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { isTpmExpected, ScratchTpm } from '../../test/support/scratch-tpm.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519, ESP256, nativeAlgorithms, strictAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { openModule, type CryptokiModule, type Handle, type Template } from './cryptoki-module.js'
import { CKA, CKM } from './cryptoki.js'
import { generateKey } from './generate-key.js'
import { requireKeys } from './key-search.js'
import { privateTemplate, publicTemplate } from './key-template.js'
import { Pkcs11Token } from './pkcs11-token.js'
import { findMechanism, type SigningMechanism } from './signing-mechanism.js'
import { closeSession, openTokenSession, type TokenSession } from './token-session.js'
import { requireTokenSlot } from './token-slot.js'
import type { TokenKey } from './token.port.js'

jest.setTimeout(60_000)
// The second module: another maker, another algorithm, other failures than SoftHSM's.
const onLinux = isTpmExpected ? describe : describe.skip

function esp256(): SigningMechanism {
  const mechanism = findMechanism(ESP256)
  if (mechanism === null) throw new Error('no ESP256')
  return mechanism
}

onLinux('a TPM', () => {
  let tpm: ScratchTpm
  let key: TokenKey
  beforeAll(async () => {
    tpm = await ScratchTpm.create()
    key = await generateKey(tpm, { role: 'manifest-a', algorithm: ESP256 })
  })
  beforeEach(() => tpm.powerCycle())
  afterAll(() => tpm.dispose())

  const verifies = (by: TokenKey, message: Uint8Array, signature: Uint8Array): boolean[] =>
    [nativeAlgorithms, strictAlgorithms].map((table) => table.get(ESP256)?.verify(by.key, message, signature) ?? false)

  async function withToken(keys: readonly string[], work: (token: Pkcs11Token) => Promise<void>): Promise<void> {
    const token = await Pkcs11Token.open({ ...tpm.access, keys, sessions: 8 })
    try {
      await work(token)
    } finally {
      await token.close()
    }
  }

  /** 64 signatures at once, of different messages. */
  async function signMany(token: Pkcs11Token, by: TokenKey): Promise<Uint8Array[]> {
    const messages = Array.from({ length: 64 }, (_, index) => utf8(`message ${index}`))
    const signatures = await Promise.all(messages.map((message) => token.sign(by.keyId, ESP256, message)))
    for (const [index, message] of messages.entries())
      expect(verifies(by, message, signatures[index] ?? message)).toEqual([true, true])
    return signatures
  }

  it('signs with P-256 in parallel, r ‖ s with s in both halves of the order, for two verifiers', () =>
    withToken(['manifest-a'], async (token) => {
      const signatures = await signMany(token, key)
      expect(new Set(signatures.map((signature) => signature.length))).toEqual(new Set([64]))
      // Whoever took low s alone (a rule of others) would refuse half of what a TPM makes.
      expect(new Set(signatures.map((signature) => (signature[32] ?? 0) > 0x7f))).toEqual(new Set([true, false]))
      expect(token.capabilities).toMatchObject({ label: 'tpm', manufacturer: 'IBM', sessions: 8, asksEachTime: [] })
      expect(token.capabilities.algorithms.map(({ name, signs, generates }) => [name, signs, generates])).toEqual([
        ['Ed25519', false, false],
        ['ESP256', true, true],
      ])
    }))

  it('signs with a key that asks for the PIN each time, for callers that all come at once', async () => {
    // By hand: three keys fit into this TPM, and here the proof of a new one would want a fourth.
    const module = openModule(tpm.modulePath)
    const { session } = openTokenSession(module.cryptoki, tpm, 'write')
    const names = { id: Buffer.from('careful'), label: 'careful 01' }
    const [open, secret] = [publicTemplate(names, esp256().curveParameters[0]), privateTemplate(esp256(), names, true)]
    module.cryptoki.C_GenerateKeyPair(session, { mechanism: CKM.EC_KEY_PAIR_GEN }, open, secret)
    closeSession(module.cryptoki, session)
    module.release()
    await tpm.powerCycle()
    await withToken(['careful'], async (token) => {
      const [careful] = token.keys()
      if (careful === undefined) throw new Error('not generated')
      // One at a time: this module has one such login for the whole token, and mixes up whose it was.
      expect(token.capabilities).toMatchObject({ sessions: 1, asksEachTime: [careful.keyId] })
      await signMany(token, careful)
    })
  })

  it('has no Ed25519, and the refusal says so', async () => {
    await expect(generateKey(tpm, { role: 'krl', algorithm: ED25519 })).rejects.toEqual(
      new Refusal('TOKEN_FAILED', { step: 'generate a key pair', why: 'CKR_MECHANISM_INVALID' }),
    )
  })

  describe('and its keys', () => {
    let module: CryptokiModule
    let login: TokenSession
    beforeEach(() => {
      module = openModule(tpm.modulePath)
      login = openTokenSession(module.cryptoki, tpm, 'write')
    })
    afterEach(() => {
      closeSession(module.cryptoki, login.session)
      module.release()
    })

    const set = (type: number, value: boolean) => (template: Template) =>
      template.map((attribute) => (attribute.type === type ? { type, value } : attribute))
    const without =
      (...types: number[]) =>
      (template: Template) =>
        template.filter((attribute) => !types.includes(attribute.type))

    /** A pair as somebody else's tool would make it. */
    function generateWith(label: string, change: (template: Template) => Template): Handle {
      const names = { id: Buffer.from(label), label }
      const secret = change(privateTemplate(esp256(), names, false))
      const open = publicTemplate(names, esp256().curveParameters[0])
      return module.cryptoki.C_GenerateKeyPair(login.session, { mechanism: CKM.EC_KEY_PAIR_GEN }, open, secret)
        .privateKey
    }
    const openOnly = (label: string): Promise<Pkcs11Token> =>
      Pkcs11Token.open({ ...tpm.access, keys: [label], sessions: 1, isProbed: false })

    it.each<[string, (template: Template) => Template]>([
      ['CKA_PRIVATE', set(CKA.PRIVATE, false)],
      ['CKA_SENSITIVE', set(CKA.SENSITIVE, false)],
      ['CKA_DECRYPT', set(CKA.DECRYPT, true)],
      ['CKA_UNWRAP', set(CKA.UNWRAP, true)],
      ['CKA_DERIVE', set(CKA.DERIVE, true)],
      ['CKA_MODIFIABLE', set(CKA.MODIFIABLE, true)],
      ['CKA_ALLOWED_MECHANISMS', without(CKA.ALLOWED_MECHANISMS)],
      // What a tool makes that names only what it needs.
      ['CKA_SENSITIVE', without(CKA.SENSITIVE, CKA.EXTRACTABLE, CKA.MODIFIABLE, CKA.ALLOWED_MECHANISMS)],
    ])('with the wrong %s are refused at start', async (attribute, change) => {
      const label = `lax ${attribute} ${change(privateTemplate(esp256(), { id: Buffer.of(1), label: '' }, false)).length}`
      generateWith(label, change)
      await expect(openOnly(label)).rejects.toMatchObject({ code: 'TOKEN_KEY_ATTRIBUTE', detail: { attribute } })
    })

    it.each<[string, (template: Template) => Template]>([
      ['CKA_TOKEN false', set(CKA.TOKEN, false)],
      ['CKA_EXTRACTABLE true', set(CKA.EXTRACTABLE, true)],
      ['CKA_SIGN_RECOVER true', set(CKA.SIGN_RECOVER, true)],
    ])('with %s are refused by the module itself', (name, change) => {
      expect(() => generateWith(name, change)).toThrow('CKR_ATTRIBUTE_VALUE_INVALID')
    })

    it('cannot be read, copied, derived from or used in another way', () => {
      const { cryptoki } = module
      const { session } = login
      const [own] = requireKeys(cryptoki, session, [key.keyId])
      if (own === undefined) throw new Error('not generated')
      expect(() => cryptoki.C_GetAttributeValue(session, own.handle, [{ type: 0x11 }])).toThrow(/CKR_/)
      expect(() => cryptoki.C_CopyObject(session, own.handle, [{ type: CKA.EXTRACTABLE, value: true }])).toThrow(/CKR_/)
      expect(() => cryptoki.C_DeriveKey(session, { mechanism: 0x1050 }, own.handle, [])).toThrow(/CKR_/)
      for (const mechanism of [0x1042, 0x1044, CKM.EDDSA])
        expect(() => cryptoki.C_SignInit(session, { mechanism }, own.handle)).toThrow('CKR_MECHANISM_INVALID')
    })

    it('are refused at the next start when what the module keeps about them was changed', async () => {
      const handle = generateWith('changed later', (template) => template)
      await (await openOnly('changed later')).close()
      // The private half cannot leave the chip; but that is what the chip knows, and this module asks a file.
      module.cryptoki.C_SetAttributeValue(login.session, handle, [{ type: CKA.EXTRACTABLE, value: true }])
      await expect(openOnly('changed later')).rejects.toMatchObject({
        code: 'TOKEN_KEY_ATTRIBUTE',
        detail: { attribute: 'CKA_EXTRACTABLE' },
      })
    })
  })

  describe('that went away', () => {
    const message = utf8('message')
    const sign = (token: Pkcs11Token): Promise<Uint8Array> => token.sign(key.keyId, ESP256, message)
    const expectRight = async (token: Pkcs11Token): Promise<void> =>
      expect(verifies(key, message, await sign(token))).toEqual([true, true])

    /** What somebody else in this process does to the module. */
    function meanwhile(work: (module: CryptokiModule) => void): void {
      const module = openModule(tpm.modulePath)
      work(module)
      module.release()
    }

    it('by a power cut is refused, and used again when it is back', () =>
      withToken([key.keyId], async (token) => {
        await expectRight(token)
        await tpm.pull()
        for (let attempt = 0; attempt < 2; attempt += 1)
          await expect(sign(token)).rejects.toMatchObject({
            code: 'TOKEN_MODULE',
            detail: { step: 'initialise the PKCS#11 module', why: 'CKR_GENERAL_ERROR' },
          })
        await tpm.putBack()
        await expectRight(token)
      }))

    it.each<[string, (module: CryptokiModule) => void]>([
      [
        'CKR_SESSION_HANDLE_INVALID',
        ({ cryptoki }) => cryptoki.C_CloseAllSessions(requireTokenSlot(cryptoki, tpm).slot),
      ],
      [
        'CKR_USER_NOT_LOGGED_IN',
        ({ cryptoki }) => {
          const session = cryptoki.C_OpenSession(requireTokenSlot(cryptoki, tpm).slot, 4)
          cryptoki.C_Logout(session)
          cryptoki.C_CloseSession(session)
        },
      ],
      ['CKR_CRYPTOKI_NOT_INITIALIZED', ({ cryptoki }) => cryptoki.C_Finalize()],
    ])('with %s is opened again', (_, happens) =>
      withToken([key.keyId], async (token) => {
        meanwhile(happens)
        await expectRight(token)
      }),
    )
  })

  it('answers as SoftHSM does to a session in use and to a short buffer', () => {
    const module = openModule(tpm.modulePath)
    const { cryptoki } = module
    const { session } = openTokenSession(cryptoki, tpm, 'read')
    const [own] = requireKeys(cryptoki, session, [key.keyId])
    if (own === undefined) throw new Error('not generated')
    cryptoki.C_SignInit(session, { mechanism: CKM.ECDSA }, own.handle)
    expect(() => cryptoki.C_Sign(session, Buffer.alloc(32), Buffer.alloc(10))).toThrow('CKR_BUFFER_TOO_SMALL')
    expect(() => cryptoki.C_SignInit(session, { mechanism: CKM.ECDSA }, own.handle)).toThrow('CKR_OPERATION_ACTIVE')
    closeSession(cryptoki, session)
    module.release()
  })

  // The last: it locks the TPM.
  it('locks itself after a few wrong PINs, which are told apart', async () => {
    const readPin = (): string => '99999999'
    const open = (): Promise<Pkcs11Token> => Pkcs11Token.open({ ...tpm.access, readPin, keys: [], sessions: 1 })
    const whys: string[] = []
    for (let attempt = 0; attempt < 6; attempt += 1)
      whys.push(
        await open().then(
          () => 'opened',
          (error: Refusal<'TOKEN_PIN'>) => error.detail.why,
        ),
      )
    expect(whys[0]).toBe('the token does not accept this PIN')
    expect(whys.at(-1)).toBe('the PIN is locked after too many wrong tries')
    expect(new Set(whys).size).toBe(2)
    // Now the right one is refused too.
    const right = { ...tpm.access, keys: [], sessions: 1 }
    await expect(Pkcs11Token.open(right)).rejects.toMatchObject({ code: 'TOKEN_PIN' })
  })
})
