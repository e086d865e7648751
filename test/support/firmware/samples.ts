import { makeElf, makeHex, makeUf2 } from './block-images.js'
import { makeFwup, makeMender, makeSwu } from './archives.js'
import { TestSigner } from './cms-signer.js'
import { makeEsp } from './esp-image.js'
import { makeFit } from './fit-image.js'
import { makeMcuboot } from './mcuboot-image.js'
import { makeRauc } from './rauc-bundle.js'
import { content, ed25519Key, p256Key, rsaKey, type Sample } from './sample.js'

/** One good sample of every format and of every way its content can lie, all of version 1.4.0. */
export async function makeSamples(payloadBytes: number): Promise<readonly Sample[]> {
  const payload = content(payloadBytes)
  const [ed, ec, rsa, rsa3072] = [ed25519Key(), p256Key(), rsaKey(), rsaKey(3_072)]
  const cms = await TestSigner.make()
  const protectedTlvs = [[0x50, Uint8Array.of(3, 0, 0, 0)] as const]
  return [
    sample('MCUboot, Ed25519', 'mcuboot', makeMcuboot({ payload, signer: ed, protectedTlvs }), ed.registered),
    sample('MCUboot, ECDSA', 'mcuboot', makeMcuboot({ payload, signer: ec }), ec.registered),
    sample('MCUboot, RSA', 'mcuboot', makeMcuboot({ payload, signer: rsa, withPublicKey: true }), rsa.registered),
    sample('ESP-IDF, RSA', 'esp-idf', makeEsp({ payload, signers: [rsa3072] }), rsa3072.registered),
    sample('ESP-IDF, ECDSA', 'esp-idf', makeEsp({ payload, signers: [ec] }), ec.registered),
    sample('UF2', 'uf2', makeUf2(payload)),
    sample('Intel HEX', 'intel-hex', makeHex(payload)),
    sample('ELF', 'elf', makeElf(payload)),
    sample('FIT, data inside', 'u-boot-fit', makeFit(payload, rsa), rsa.registered),
    sample('FIT, data outside', 'u-boot-fit', makeFit(payload, rsa, true), rsa.registered),
    sample('RAUC, plain', 'rauc', await makeRauc({ payload, format: 'plain', signer: cms }), cms.ca),
    sample('RAUC, verity', 'rauc', await makeRauc({ payload, format: 'verity', signer: cms }), cms.ca),
    sample('SWUpdate, RSA', 'swupdate', await makeSwu({ payload, signer: rsa }), rsa.registered),
    sample('SWUpdate, CMS', 'swupdate', await makeSwu({ payload, cms: (each) => cms.sign(each, true) }), cms.ca),
    sample('Mender, packed', 'mender', makeMender({ payload, signer: ec }), ec.registered),
    sample('Mender, plain', 'mender', makeMender({ payload, signer: rsa, isPacked: false }), rsa.registered),
    sample('fwup, packed', 'fwup', await makeFwup({ payload, signer: ed }), ed.registered),
    sample('fwup, stored', 'fwup', await makeFwup({ payload, signer: ed, isPacked: false }), ed.registered),
  ]
}

const sample = (
  name: string,
  format: Sample['format'],
  bytes: Uint8Array,
  ...keys: Sample['keys'][number][]
): Sample => ({ name, format, bytes, keys })
