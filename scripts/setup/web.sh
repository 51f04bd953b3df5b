# shellcheck shell=bash
# The pages of the web app, web/dist, which the program embeds.

is_web_built() {
    local built=web/dist/index.html
    [[ -f $built ]] && [[ -z $(find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/tests -prune \
        -o -type f -newer "$built" ! -name schema.ts -print -quit) ]]
}
build_web() {
    command -v npm >/dev/null || return 1
    note "building the web app"
    { has_modules web || install_modules web; } && npm run --silent --prefix web build >&2
}

is_web_built || build_web ||
    note "the web app cannot be built: the programs will have no pages (Node 20 and npm are needed)"
