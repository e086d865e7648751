import { ED25519 } from '../../../../src/domain/cose/algorithms.js'
import { Refusal } from '../../../../src/domain/refusal.js'
import { openModule, type Template } from '../../../../src/token/cryptoki-module.js'
import { CKA, CKM } from '../../../../src/token/cryptoki.js'
import { privateTemplate, publicTemplate } from '../../../../src/token/key-template.js'
import { Pkcs11Token } from '../../../../src/token/pkcs11-token.js'
import { findMechanism } from '../../../../src/token/signing-mechanism.js'
import { closeSession, openTokenSession } from '../../../../src/token/token-session.js'
import { sharedToken } from '../../shared-token.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import type { Verdict } from '../../verdict.js'

const LABEL = 'manifest-a to take away'

/** A signer that opens the token with that key alone, and signs with it. */
async function signWith(access: Parameters<typeof openTokenSession>[1]): Promise<Verdict> {
  try {
    const token = await Pkcs11Token.open({ ...access, keys: [LABEL], sessions: 1 })
    const keyId = token.keys()[0]?.keyId ?? ''
    await token.sign(keyId, ED25519, new Uint8Array(32))
    await token.close()
    return { step: 20, code: 'SIGNED' }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { step: 0, code: error.code, detail: error.detail }
  }
}

/** What root on the signer's host tries at the token itself, before any request. */
export const tokenAttacks: readonly SignerAttack[] = [
  {
    name: 'key-that-can-leave',
    threat: 'row 16',
    does: 'makes a manifest key in the token that the token would give away, and has the signer start with it',
    run: async () => {
      const { scratch } = await sharedToken()
      const mechanism = findMechanism(ED25519)
      if (mechanism === null) throw new Error('no Ed25519')
      const module = openModule(scratch.modulePath)
      const { cryptoki } = module
      const { session } = openTokenSession(cryptoki, scratch, 'write')
      const names = { id: Buffer.from(LABEL), label: LABEL }
      const secret: Template = privateTemplate(mechanism, names, false).map((attribute) =>
        attribute.type === CKA.EXTRACTABLE ? { ...attribute, value: true } : attribute,
      )
      const open = publicTemplate(names, mechanism.curveParameters[0])
      const pair = cryptoki.C_GenerateKeyPair(session, { mechanism: CKM.EC_EDWARDS_KEY_PAIR_GEN }, open, secret)
      try {
        return await signWith(scratch)
      } finally {
        for (const half of [pair.privateKey, pair.publicKey]) cryptoki.C_DestroyObject(session, half)
        closeSession(cryptoki, session)
        module.release()
      }
    },
    expected: { step: 0, code: 'TOKEN_KEY_ATTRIBUTE', detail: { attribute: 'CKA_EXTRACTABLE' } },
    guard: without(
      'src/token/key-attributes.ts',
      "  ['CKA_EXTRACTABLE', CKA.EXTRACTABLE, false],\n  ['CKA_NEVER_EXTRACTABLE', CKA.NEVER_EXTRACTABLE, true],\n",
    ),
  },
]
