import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { createScratchToken, type ScratchToken } from '../../test/support/scratch-token.js'
import { ED25519 } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { openModule, type CryptokiModule, type Template } from './cryptoki-module.js'
import { CKA, CKM } from './cryptoki.js'
import { generateKey } from './generate-key.js'
import { requireKeyAttributes, type AttributeReader } from './key-attributes.js'
import { requireKeys } from './key-search.js'
import { mechanismList, privateTemplate, publicTemplate } from './key-template.js'
import { Pkcs11Token } from './pkcs11-token.js'
import { findMechanism, type SigningMechanism } from './signing-mechanism.js'
import { closeSession, openTokenSession, type TokenSession } from './token-session.js'

function ed25519(): SigningMechanism {
  const mechanism = findMechanism(ED25519)
  if (mechanism === null) throw new Error('no Ed25519')
  return mechanism
}
const unavailable = (): Error => Object.assign(new Error('CKR_ATTRIBUTE_TYPE_INVALID'), { code: 0x12 })

describe('each attribute', () => {
  const good: readonly (readonly [name: string, type: number, value: number])[] = [
    ['CKA_TOKEN', CKA.TOKEN, 1],
    ['CKA_PRIVATE', CKA.PRIVATE, 1],
    ['CKA_SENSITIVE', CKA.SENSITIVE, 1],
    ['CKA_ALWAYS_SENSITIVE', CKA.ALWAYS_SENSITIVE, 1],
    ['CKA_EXTRACTABLE', CKA.EXTRACTABLE, 0],
    ['CKA_NEVER_EXTRACTABLE', CKA.NEVER_EXTRACTABLE, 1],
    ['CKA_LOCAL', CKA.LOCAL, 1],
    ['CKA_SIGN', CKA.SIGN, 1],
    ['CKA_SIGN_RECOVER', CKA.SIGN_RECOVER, 0],
    ['CKA_DECRYPT', CKA.DECRYPT, 0],
    ['CKA_UNWRAP', CKA.UNWRAP, 0],
    ['CKA_DERIVE', CKA.DERIVE, 0],
    ['CKA_MODIFIABLE', CKA.MODIFIABLE, 0],
  ]
  /** A token whose one key answers as a good one does, but for `changed`; null is "no such attribute". */
  function check(changed: readonly (readonly [number, Buffer | null])[]): void {
    const values = new Map<number, Buffer | null>([
      ...good.map(([, type, value]): [number, Buffer] => [type, Buffer.of(value)]),
      [CKA.EC_PARAMS, Buffer.from('06032b6570', 'hex')],
      [CKA.ALLOWED_MECHANISMS, mechanismList(CKM.EDDSA)],
      ...changed.map(([type, value]): [number, Buffer | null] => [type, value]),
    ])
    const reader: AttributeReader = {
      C_GetAttributeValue: (_session, _object, template: Template) =>
        template.map(({ type }) => {
          const value = values.get(type) ?? null
          if (value === null) throw unavailable()
          return { type, value }
        }),
    }
    const object = { session: Buffer.alloc(8), handle: Buffer.alloc(8) }
    requireKeyAttributes(reader, object, ed25519(), 'the key')
  }

  it('lets a key through that says what it must', () => expect(() => check([])).not.toThrow())

  it.each(good)('refuses the wrong %s, and none', (attribute, type, value) => {
    const refused = new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId: 'the key', attribute })
    expect(() => check([[type, Buffer.of(1 - value)]])).toThrow(refused)
    expect(() => check([[type, null]])).toThrow(refused)
    expect(() => check([[type, Buffer.alloc(0)]])).toThrow(refused)
  })

  it.each([
    ['another curve', Buffer.from('06032b6571', 'hex')],
    ['no curve', null],
  ])('refuses %s', (_, curve) =>
    expect(() => check([[CKA.EC_PARAMS, curve]])).toThrow(
      new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId: 'the key', attribute: 'CKA_EC_PARAMS' }),
    ),
  )

  it('refuses further mechanisms, and accepts a token that keeps no list', () => {
    const two = Buffer.concat([mechanismList(CKM.EDDSA), mechanismList(CKM.ECDSA)])
    for (const list of [two, mechanismList(CKM.ECDSA)])
      expect(() => check([[CKA.ALLOWED_MECHANISMS, list]])).toThrow(
        new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId: 'the key', attribute: 'CKA_ALLOWED_MECHANISMS' }),
      )
    for (const list of [null, Buffer.alloc(0)]) expect(() => check([[CKA.ALLOWED_MECHANISMS, list]])).not.toThrow()
  })
})

describe('in a token', () => {
  let scratch: ScratchToken
  let module: CryptokiModule
  let login: TokenSession
  beforeAll(() => {
    scratch = createScratchToken()
  })
  beforeEach(() => {
    module = openModule(scratch.modulePath)
    login = openTokenSession(module.cryptoki, scratch, 'write')
  })
  afterEach(() => {
    closeSession(module.cryptoki, login.session)
    module.release()
  })
  afterAll(() => scratch.dispose())

  const open = (label: string): Promise<Pkcs11Token> => Pkcs11Token.open({ ...scratch, keys: [label], sessions: 1 })

  /** A pair as somebody else's tool would make it. */
  function generateWith(label: string, change: (template: Template) => Template): void {
    const names = { id: Buffer.from(label), label }
    const curve = ed25519().curveParameters[0]
    const secret = change(privateTemplate(ed25519(), names, false))
    const mechanism = { mechanism: CKM.EC_EDWARDS_KEY_PAIR_GEN }
    module.cryptoki.C_GenerateKeyPair(login.session, mechanism, publicTemplate(names, curve), secret)
  }
  const set = (type: number, value: boolean) => (template: Template) =>
    template.map((attribute) => (attribute.type === type ? { type, value } : attribute))
  const without =
    (...types: number[]) =>
    (template: Template) =>
      template.filter((attribute) => !types.includes(attribute.type))

  it.each<[string, (template: Template) => Template]>([
    ['CKA_PRIVATE', set(CKA.PRIVATE, false)],
    ['CKA_SENSITIVE', set(CKA.SENSITIVE, false)],
    ['CKA_EXTRACTABLE', set(CKA.EXTRACTABLE, true)],
    ['CKA_SIGN_RECOVER', set(CKA.SIGN_RECOVER, true)],
    ['CKA_DECRYPT', set(CKA.DECRYPT, true)],
    ['CKA_UNWRAP', set(CKA.UNWRAP, true)],
    ['CKA_DERIVE', set(CKA.DERIVE, true)],
    ['CKA_MODIFIABLE', set(CKA.MODIFIABLE, true)],
    // What a tool makes that names only what it needs: SoftHSM fills in the rest, generously.
    [
      'CKA_SIGN_RECOVER',
      without(CKA.SIGN_RECOVER, CKA.DECRYPT, CKA.UNWRAP, CKA.DERIVE, CKA.MODIFIABLE, CKA.ALLOWED_MECHANISMS),
    ],
  ])('a key with the wrong %s is refused at start', async (attribute, change) => {
    const label = `lax ${attribute} ${change(privateTemplate(ed25519(), { id: Buffer.of(1), label: '' }, false)).length}`
    generateWith(label, change)
    await expect(open(label)).rejects.toMatchObject({
      code: 'TOKEN_KEY_ATTRIBUTE',
      detail: { keyId: expect.stringMatching(/^[0-9a-f]{64}$/), attribute },
    })
  })

  it('a key that was made outside and brought in is refused at start', async () => {
    const names = { id: Buffer.from('brought'), label: 'brought in' }
    generateWith('donor', (template) => template)
    const donor = requireKeys(module.cryptoki, login.session, ['donor'])[0]
    const value = Buffer.alloc(32, 9)
    const outside = without(CKA.ALLOWED_MECHANISMS)(privateTemplate(ed25519(), names, false))
    const kind = [
      { type: CKA.KEY_TYPE, value: 0x40 },
      { type: CKA.EC_PARAMS, value: Buffer.from(ed25519().curveParameters[0]) },
    ]
    module.cryptoki.C_CreateObject(login.session, [
      { type: CKA.CLASS, value: 3 },
      ...kind,
      { type: 0x11, value },
      ...outside,
    ])
    const point = Buffer.concat([Buffer.of(4, 32), donor?.key.x ?? value])
    const half = publicTemplate(names, ed25519().curveParameters[0]).filter(({ type }) => type !== CKA.EC_PARAMS)
    module.cryptoki.C_CreateObject(login.session, [
      { type: CKA.CLASS, value: 2 },
      ...kind,
      { type: CKA.EC_POINT, value: point },
      ...half,
    ])
    await expect(open('brought in')).rejects.toMatchObject({
      code: 'TOKEN_KEY_ATTRIBUTE',
      detail: { attribute: 'CKA_ALWAYS_SENSITIVE' },
    })
  })

  it('a key without its public half is refused by its label', async () => {
    generateWith('half a pair', (template) =>
      template.map((a) => (a.type === CKA.ID ? { ...a, value: Buffer.of(1, 2) } : a)),
    )
    await expect(open('half a pair')).rejects.toEqual(
      new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId: 'half a pair', attribute: 'CKA_EC_POINT' }),
    )
  })

  it('a public half that belongs to another key is found out by the probe', async () => {
    generateWith('swapped', (template) => template)
    generateWith('other', (template) => template)
    const other = requireKeys(module.cryptoki, login.session, ['other'])[0]
    const swapped = requireKeys(module.cryptoki, login.session, ['swapped'])[0]
    if (other === undefined || swapped === undefined) throw new Error('not generated')
    module.cryptoki.C_FindObjectsInit(login.session, [
      { type: CKA.CLASS, value: 2 },
      { type: CKA.LABEL, value: 'swapped' },
    ])
    const half = module.cryptoki.C_FindObjects(login.session, 1)
    module.cryptoki.C_FindObjectsFinal(login.session)
    half.forEach((handle) => module.cryptoki.C_DestroyObject(login.session, handle))
    const names = { id: Buffer.from('swapped'), label: 'swapped' }
    const point = Buffer.concat([Buffer.of(4, 32), other.key.x])
    const template = publicTemplate(names, ed25519().curveParameters[0])
    const kind = [
      { type: CKA.CLASS, value: 2 },
      { type: CKA.KEY_TYPE, value: 0x40 },
      { type: CKA.EC_POINT, value: point },
    ]
    module.cryptoki.C_CreateObject(login.session, [...kind, ...template])
    await expect(open('swapped')).rejects.toEqual(
      new Refusal('TOKEN_FAILED', {
        step: `first probe signature of ${other.keyId}`,
        why: 'does not verify with the public key beside it',
      }),
    )
  })

  it('a key of ours cannot be read, opened up, copied or wrapped', async () => {
    const { label } = await generateKey(scratch, { role: 'assignment', algorithm: ED25519 })
    const key = requireKeys(module.cryptoki, login.session, [label])[0]
    if (key === undefined) throw new Error('not generated')
    const { cryptoki } = module
    const { session } = login
    const value = 0x11
    expect(() => cryptoki.C_GetAttributeValue(session, key.handle, [{ type: value }])).toThrow(
      'CKR_ATTRIBUTE_SENSITIVE',
    )
    for (const [type, wanted] of [
      [CKA.EXTRACTABLE, true],
      [CKA.SENSITIVE, false],
      [CKA.DERIVE, true],
    ] as const)
      expect(() => cryptoki.C_SetAttributeValue(session, key.handle, [{ type, value: wanted }])).toThrow(
        /CKR_VENDOR_DEFINED:27/,
      )
    for (const type of [CKA.EXTRACTABLE, CKA.MODIFIABLE])
      expect(() => cryptoki.C_CopyObject(session, key.handle, [{ type, value: true }])).toThrow(/CKR_/)
    const wrapping = cryptoki.C_GenerateKey(session, { mechanism: 0x1080 }, [
      { type: CKA.TOKEN, value: false },
      { type: CKA.WRAP, value: true },
      { type: 0x161, value: 32 },
    ])
    for (const mechanism of [0x2109, 0x210a])
      expect(() => cryptoki.C_WrapKey(session, { mechanism }, wrapping, key.handle, Buffer.alloc(256))).toThrow(
        'CKR_KEY_UNEXTRACTABLE',
      )
    expect(() => cryptoki.C_SignInit(session, { mechanism: CKM.ECDSA }, key.handle)).toThrow(/CKR_/)
  })
})
