/** A setting that does not fit: names the variable and what was expected. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}
