/** Kinds of firmware that the inspector tells apart. A policy names them; append only. */
export const firmwareFormats = [
  'mcuboot',
  'esp-idf',
  'uf2',
  'intel-hex',
  'elf',
  'u-boot-fit',
  'rauc',
  'swupdate',
  'mender',
  'fwup',
  'unknown',
] as const
export type FirmwareFormat = (typeof firmwareFormats)[number]

export const isFirmwareFormat = (text: string): text is FirmwareFormat =>
  (firmwareFormats as readonly string[]).includes(text)
