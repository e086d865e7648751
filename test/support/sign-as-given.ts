import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { CborTag } from '../../src/domain/cbor/value.js'
import { COSE_SIGN_TAG, type OneSignature } from '../../src/domain/cose/sign.js'

/** A COSE_Sign whose signatures stand as they are given, which no document of ours has: for those who try it. */
export const encodeSignAsGiven = (payload: Uint8Array, signatures: readonly OneSignature[]): Uint8Array =>
  encodeCbor(
    new CborTag(COSE_SIGN_TAG, [
      new Uint8Array(0),
      new Map(),
      payload,
      signatures.map((one) => [one.protectedBytes, new Map(), one.signature]),
    ]),
  )
