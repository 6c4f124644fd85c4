declare const kernel: WebAssembly.Module
// biome-ignore lint/style/noDefaultExport: this is how a bundler hands over a compiled module
export default kernel
