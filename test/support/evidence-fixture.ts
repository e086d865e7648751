import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { utf8 } from '../../src/domain/bytes.js'
import { keyIdHexOf, type CoseKey } from '../../src/domain/cose/cose-key.js'
import type { Builder } from '../../src/domain/trust/policy.js'

export const BUILDER_ID = 'https://ci.vendor.example/builders/1'
export const PROVENANCE = 'https://slsa.dev/provenance/v1'
export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1'

/** A build system with a key of its own, which signs as the tools of the field do: by node:crypto, not by our code. */
export class SoftBuilder {
  readonly keyIdHex: string
  private constructor(
    readonly key: CoseKey,
    private readonly privateKey: KeyObject,
    readonly name: string,
  ) {
    this.keyIdHex = keyIdHexOf(key)
  }

  static make(kind: 'ed25519' | 'p256' = 'ed25519', name = BUILDER_ID): SoftBuilder {
    const pair =
      kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' })
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
    const key: CoseKey = kind === 'ed25519' ? { kind, x: bytes(x) } : { kind, x: bytes(x), y: bytes(y) }
    return new SoftBuilder(key, pair.privateKey, name)
  }

  /** As the policy lists it. */
  get entry(): readonly [string, Builder] {
    return [this.keyIdHex, { key: this.key, name: this.name }]
  }

  /** A DSSE envelope; ECDSA signatures are DER, as everywhere outside COSE. */
  envelope(statement: object, change: { readonly payloadType?: string; readonly after?: object } = {}): Uint8Array {
    const payloadType = change.payloadType ?? 'application/vnd.in-toto+json'
    const payload = Buffer.from(JSON.stringify(statement))
    const head = Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `)
    const message = Buffer.concat([head, payload])
    const signature = sign(this.key.kind === 'p256' ? 'sha256' : null, message, this.privateKey)
    // What is shown may be another statement than the one that was signed.
    const shown = change.after === undefined ? payload : Buffer.from(JSON.stringify(change.after))
    const signatures = [{ keyid: 'ci-key-1', sig: signature.toString('base64') }]
    return utf8(JSON.stringify({ payloadType, payload: shown.toString('base64'), signatures }))
  }

  provenance(image: Uint8Array, builderId = this.name): Uint8Array {
    return this.envelope(provenanceOf(image, builderId))
  }
}

const sha256Of = (image: Uint8Array): string => createHash('sha256').update(image).digest('hex')

export const statementOf = (image: Uint8Array, predicateType: string, predicate: object): object => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'gateway.bin', digest: { sha256: sha256Of(image) } }],
  predicateType,
  predicate,
})

export const provenanceOf = (image: Uint8Array, builderId = BUILDER_ID): object =>
  statementOf(image, PROVENANCE, {
    buildDefinition: {
      buildType: 'https://ci.vendor.example/make/v1',
      externalParameters: { target: 'gateway' },
      resolvedDependencies: [
        {
          uri: 'git+https://git.vendor.example/gateway',
          digest: { gitCommit: 'c27d339ee6075c1f744c5d4b200f7901aad2c369' },
        },
      ],
    },
    runDetails: { builder: { id: builderId }, metadata: { invocationId: 'run-7', finishedOn: '2026-03-01T10:00:00Z' } },
  })

export const cycloneDxOf = (digest: string | null): Record<string, unknown> => ({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    component: {
      type: 'firmware',
      name: 'gateway',
      version: '1.4.0',
      ...(digest === null ? {} : { hashes: [{ alg: 'SHA-256', content: digest }] }),
    },
  },
  components: [
    { type: 'library', name: 'mbedtls', version: '3.6.2', purl: 'pkg:generic/mbedtls@3.6.2' },
    { type: 'library', name: 'zephyr', version: '4.0.0', licenses: [{ license: { id: 'Apache-2.0' } }] },
  ],
})

export const spdxOf = (digest: string): Record<string, unknown> => ({
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: 'gateway-1.4.0',
  documentNamespace: 'https://vendor.example/spdx/gateway-1.4.0',
  creationInfo: { created: '2026-03-01T10:00:00Z', creators: ['Tool: builder-1.0'] },
  packages: [
    {
      SPDXID: 'SPDXRef-image',
      name: 'gateway',
      downloadLocation: 'NOASSERTION',
      checksums: [{ algorithm: 'SHA256', checksumValue: digest }],
    },
    { SPDXID: 'SPDXRef-mbedtls', name: 'mbedtls', downloadLocation: 'NOASSERTION' },
  ],
  relationships: [
    { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-image' },
  ],
})

/** A report of two suites; `said` is what the second one claims to hold. */
export const junitOf = (first: string, second: string, said?: number): string =>
  `<testsuites><testsuite>${first}</testsuite><testsuite${said === undefined ? '' : ` tests="${said}"`}>${second}</testsuite></testsuites>`
