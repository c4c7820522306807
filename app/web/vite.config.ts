import { fileURLToPath, URL } from 'node:url'
import { VantResolver } from '@vant/auto-import-resolver'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig, type Plugin } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** While developing, unknown paths below /console/ show the console entry, as the server does in production. */
function consoleEntry(): Plugin {
  return {
    name: 'zhengxue-console-entry',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const path = (request.url ?? '').split('?')[0] ?? ''
        if (/^\/console(\/[^.]*)?$/.test(path)) request.url = '/console/index.html'
        next()
      })
    },
  }
}

export default defineConfig({
  plugins: [
    consoleEntry(),
    vue(),
    Components({
      dirs: [],
      dts: 'src/components.d.ts',
      resolvers: [VantResolver(), ElementPlusResolver()],
    }),
  ],
  resolve: { alias: { '@': at('./src') } },
  build: {
    // Phones of 2018 and later: Chrome 70, iOS 12.2. The page policy forbids inline scripts, so there is no legacy bundle.
    target: ['es2019', 'chrome70', 'safari12.1', 'firefox68'],
    cssTarget: ['chrome70', 'safari12.1', 'firefox68'],
    modulePreload: { polyfill: true },
    rollupOptions: { input: { trainee: at('./index.html'), console: at('./console/index.html') } },
    chunkSizeWarningLimit: 900,
  },
  server: { port: 5173, proxy: { '/api': 'http://127.0.0.1:8000', '/objects': 'http://127.0.0.1:8000' } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
})
