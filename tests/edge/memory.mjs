// Remembers the instance of WebAssembly that the worker makes, so that tests can ask how much memory it has,
// and whether a panic ever made another one necessary.

const Instance = WebAssembly.Instance
WebAssembly.Instance = class extends Instance {
  constructor(...values) {
    super(...values)
    globalThis.edgeInstance = this
    globalThis.edgeInstances = (globalThis.edgeInstances ?? 0) + 1
  }
}
