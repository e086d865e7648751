import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { createScratchToken, type ScratchToken } from '../../test/support/scratch-token.js'
import { ED25519 } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { openModule, type CryptokiModule } from './cryptoki-module.js'
import { CKA, CKM } from './cryptoki.js'
import { requireKeys } from './key-search.js'
import { privateTemplate, publicTemplate } from './key-template.js'
import { findMechanism } from './signing-mechanism.js'
import { closeSession, openTokenSession, type TokenSession } from './token-session.js'

let scratch: ScratchToken
let module: CryptokiModule
let login: TokenSession
beforeEach(() => {
  scratch = createScratchToken()
  module = openModule(scratch.modulePath)
  login = openTokenSession(module.cryptoki, scratch, 'write')
})
afterEach(() => {
  closeSession(module.cryptoki, login.session)
  module.release()
  scratch.dispose()
})

/** A good pair, but for an id that the caller chooses and a private half that SoftHSM lets us copy. */
function generate(id: number, label: string): { publicKey: Buffer; privateKey: Buffer } {
  const mechanism = findMechanism(ED25519)
  if (mechanism === null) throw new Error('no Ed25519')
  const names = { id: Buffer.of(id), label }
  const secret = privateTemplate(mechanism, names, false).filter(
    ({ type }) => type !== CKA.COPYABLE && type !== CKA.MODIFIABLE,
  )
  const open = publicTemplate(names, mechanism.curveParameters[0])
  return module.cryptoki.C_GenerateKeyPair(login.session, { mechanism: CKM.EC_EDWARDS_KEY_PAIR_GEN }, open, secret)
}
const search = (...selectors: string[]): string[] =>
  requireKeys(module.cryptoki, login.session, selectors).map((key) => key.label)

it('does not choose between two public halves of one id', () => {
  generate(1, 'krl one')
  generate(2, 'krl two')
  expect(search().sort()).toEqual(['krl one', 'krl two'])
  generate(2, 'krl three')
  expect(() => search('krl two')).toThrow(
    new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId: 'krl two', attribute: 'CKA_EC_POINT' }),
  )
  // A key that nobody asked for is nobody's reason to stop.
  expect(search('krl one')).toEqual(['krl one'])
})

it('does not choose between two private halves of one public key', () => {
  const { privateKey } = generate(1, 'krl one')
  module.cryptoki.C_CopyObject(login.session, privateKey, [{ type: CKA.LABEL, value: 'krl copy' }])
  const why: unknown = expect.stringMatching(/^[0-9a-f]{64} is there twice$/)
  expect(() => search('krl')).toThrow(
    expect.objectContaining({ code: 'TOKEN_FAILED', detail: { step: 'list the keys', why } }),
  )
})

it('takes an empty token as one without keys', () => {
  expect(search()).toEqual([])
  expect(() => search('krl')).toThrow(new Refusal('TOKEN_KEY_MISSING', { keyId: 'krl' }))
})
