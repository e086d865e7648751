import { sha256, utf8 } from '../../src/domain/bytes.js'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../../src/domain/cose/sign.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { encodeCounterEpoch, openCounterEpoch } from '../../src/domain/trust/counter-epoch.js'
import { encodeKeyChange, openKeyChange } from '../../src/domain/trust/key-change.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { annotateCbor } from '../support/annotate-cbor.js'
import { keys, NAMESPACE } from './example-namespace.js'
import { exampleKey } from './example-keys.js'
import { shapes, sign, sign1 } from './example-shapes.js'
import type { FormatExample } from './format-example.js'

const { device } = keys
const next = exampleKey('device-1 again')
const common = { namespace: NAMESPACE, deviceId: device.keyIdHex, nonce: sha256(utf8('server nonce')) }
const signer = { ...common, key: device.key, allowed: [-19], algorithms: nativeAlgorithms }

const counterEpoch = encodeCounterEpoch({ ...common, epoch: 2 })
const counterEpochBytes = await buildSign1(device, counterEpoch, labelOf('counter-epoch'))

const keyChange = encodeKeyChange({ ...common, key: next.key })
const label = labelOf('key-change')
const keyChangeBytes = encodeSign(keyChange, [
  await makeOneSignature(device, keyChange, label),
  await makeOneSignature(next, keyChange, label),
])

/** What a device says of its counters and of its key. */
export const deviceChangeExamples: readonly FormatExample[] = [
  {
    page: 'counter-epoch',
    text: annotateCbor(counterEpochBytes, sign1(shapes.counterEpoch)),
    check: () => openCounterEpoch(counterEpochBytes, signer),
  },
  {
    page: 'key-change',
    text: annotateCbor(keyChangeBytes, sign(shapes.keyChange)),
    check: () => openKeyChange(keyChangeBytes, signer),
  },
]
