Gem::Specification.new do |gem|
  gem.name = "fast_blank"
  gem.version = "1.0.1"
  gem.summary = "Stands in for the gem of this name"
  gem.authors = ["dockfix"]
  gem.license = "Apache-2.0"
  gem.files = Dir["ext/**/*"]
  gem.extensions = ["ext/fast_blank/extconf.rb"]
end
