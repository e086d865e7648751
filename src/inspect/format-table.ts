import type { FormatReader } from './format-reader.js'
import { elf } from './format/elf.js'
import { espIdf } from './format/esp-idf.js'
import { fwup } from './format/fwup.js'
import { intelHex } from './format/intel-hex.js'
import { mcuboot } from './format/mcuboot.js'
import { mender } from './format/mender.js'
import { rauc } from './format/rauc.js'
import { swupdate } from './format/swupdate.js'
import { uBootFit } from './format/u-boot-fit.js'
import { uf2 } from './format/uf2.js'

/** Each format once; their first bytes differ, so the order does not matter. */
export const formatReaders: readonly FormatReader[] = [
  mcuboot,
  espIdf,
  uf2,
  intelHex,
  elf,
  uBootFit,
  rauc,
  swupdate,
  mender,
  fwup,
]
